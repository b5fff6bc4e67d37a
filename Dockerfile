# The bridge without its tools: only src, schemas and what they need at run time. Node runs the TypeScript as it is.

FROM node:24.21.0-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-slim
# A fixed number, so that a volume keeps its owner and Kubernetes can tell that it is not root. Package managers go: nothing
# is installed from here on.
RUN groupadd --gid 10001 bridge \
  && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bridge \
  && install --directory --owner=10001 --group=10001 --mode=0700 /data \
  && rm -rf /usr/local/lib/node_modules /opt/yarn-* \
    /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY schemas ./schemas
COPY src ./src
USER 10001:10001
# Acknowledged callbacks live here: mount a volume that outlives the container.
ENV JOURNAL_DIR=/data/journal
# Probes and Prometheus come from outside of the container: publish 8081 to no one else.
ENV ADMIN_HOST=0.0.0.0
VOLUME ["/data"]
EXPOSE 8080 8081
# Alive, not ready: an outage of Kafka must not have the container replaced.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.ADMIN_PORT || 8081) + '/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Exec form: SIGTERM reaches Node itself.
CMD ["node", "--no-allocation-site-pretenuring", "--concurrent-marking-max-worker-num=1", "--external-memory-accounted-in-global-limit", "--max-semi-space-size=16", "--max-old-space-size=768", "src/main.ts"]
