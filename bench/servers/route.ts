import { createHmac, timingSafeEqual } from "node:crypto";
import { fastify, type FastifyRequest } from "fastify";

export type Settings = {
  readonly secret: string;
  readonly brokers: string;
  readonly registryUrl: string;
  readonly prefix: string;
};

export const settingsOf = (env: NodeJS.ProcessEnv): Settings => ({
  secret: env["BENCH_SECRET"] ?? "",
  brokers: env["KAFKA_BROKERS"] ?? "",
  registryUrl: env["SCHEMA_REGISTRY_URL"] ?? "",
  prefix: env["TOPIC_PREFIX"] ?? "",
});

const textOf = (header: string | string[] | undefined): string => (typeof header === "string" ? header : "");

const isSigned = (secret: string, headers: FastifyRequest["headers"], body: Buffer): boolean => {
  const timestamp = textOf(headers["x-tsign-open-timestamp"]);
  const signature = Buffer.from(textOf(headers["x-tsign-open-signature"]), "hex");
  const expected = createHmac("sha256", secret).update(timestamp).update(body).digest();
  return signature.length === expected.length && timingSafeEqual(signature, expected);
};

/** A plain Fastify server with one route that checks the signature, parses the body and does one thing with it. */
export const serve = async (
  secret: string,
  take: (payload: unknown) => Promise<void> | void,
): Promise<void> => {
  const app = fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.post("/callback", async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!isSigned(secret, request.headers, body))
      return reply.code(401).send({ code: "401", msg: "unauthenticated" });
    await take(JSON.parse(body.toString()));
    return { code: "200", msg: "success" };
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  // An orderly end, at which a profile is written.
  process.once("SIGTERM", () => process.exit(0));
  // As the bridge says it.
  process.stdout.write(`${JSON.stringify({ callbacks: port, admin: 0 })}\n`);
};
