import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import packageJson from "../package.json" with { type: "json" };
import { type Config, loadConfig, secretNames, settingNames } from "../src/config.ts";
import { openAdmin } from "../src/io/admin.ts";
import {
  at,
  bridgeEnv,
  compose,
  final,
  imageEnv,
  instructions,
  keysAt,
  lastFrom,
  ofFinal,
  read,
  root,
  services,
  textAt,
  textsAt,
} from "./support/containerFiles.ts";
import { readYaml } from "./support/yaml.ts";

// No container engine runs these files here: they are read, and held against what the code says.

const secret = "trial:0123456789abcdef";

test("the Dockerfile has only instructions that there are, and each of the final stage in its place", () => {
  const known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"];
  assert.deepEqual(
    instructions.filter(({ name }) => !known.includes(name)),
    [],
  );
  assert.equal(instructions.filter(({ name }) => name === "FROM").length, 2);
  const order = final.map(({ name }) => name);
  assert.ok(order.indexOf("RUN") < order.indexOf("USER"), "what needs root comes before USER");
  assert.ok(order.indexOf("USER") < order.indexOf("CMD"));
});

test("both stages run on the Node that the project is tested on, which is one that it asks for", () => {
  const { node } = packageJson.devDependencies;
  assert.ok(Number.parseInt(node, 10) >= Number(/\d+/.exec(packageJson.engines.node)?.[0]));
  for (const { name, rest } of instructions) {
    if (name === "FROM") assert.match(rest.replace(node, "N"), /^node:N-slim(?: AS \w+)?$/);
  }
});

test("the image holds what runs and no tools: no dev dependencies, no install scripts, no package manager", () => {
  const builds = instructions.slice(0, lastFrom).filter(({ name }) => name === "RUN");
  assert.deepEqual(
    builds.map(({ rest }) => rest),
    ["npm ci --omit=dev --ignore-scripts --no-audit --no-fund"],
  );
  assert.match(ofFinal("RUN").join(" "), /rm -rf .*\/usr\/local\/lib\/node_modules/);
  assert.deepEqual(ofFinal("COPY"), [
    "--from=dependencies /app/node_modules ./node_modules",
    "package.json ./",
    "schemas ./schemas",
    "src ./src",
  ]);
});

test("what the Dockerfile copies is there, and .dockerignore lets exactly that through", () => {
  const copied = instructions
    .filter(({ name, rest }) => name === "COPY" && !rest.startsWith("--from"))
    .flatMap(({ rest }) => rest.split(" ").slice(0, -1));
  for (const path of copied) assert.ok(existsSync(join(root, path)), path);
  const lines = read(".dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(lines[0], "*");
  assert.deepEqual(new Set(lines.slice(1)), new Set(copied.map((path) => `!${path}`)));
});

test("the image runs as a fixed user that is not root and owns the journal's volume", () => {
  const [user = ""] = ofFinal("USER");
  const [uid, gid] = user.split(":");
  assert.match(user, /^[1-9]\d{3,}:[1-9]\d{3,}$/);
  const run = ofFinal("RUN").join(" ");
  assert.match(run, new RegExp(`useradd --uid ${uid} --gid ${gid} `));
  assert.match(run, new RegExp(`install --directory --owner=${uid} --group=${gid} --mode=0700 /data`));
  assert.deepEqual(ofFinal("VOLUME"), ['["/data"]']);
  assert.ok(imageEnv["JOURNAL_DIR"]?.startsWith("/data/"));
});

test("signals reach Node: the command is a list and begins with it, and is that of `npm start`", () => {
  assert.equal(JSON.parse(ofFinal("CMD")[0] ?? "").join(" "), packageJson.scripts.start);
  assert.ok(existsSync(join(root, "src/main.ts")));
});

test("the image's health check passes on a bridge that lives and fails where none is", async (t) => {
  const [check = ""] = ofFinal("HEALTHCHECK");
  const command: unknown = JSON.parse(check.slice(check.indexOf("CMD ") + 4));
  assert.ok(Array.isArray(command));
  assert.deepEqual(command.slice(0, 2), ["node", "-e"]);
  const nothing = {
    obstacles: () => ["Kafka is down"],
    exposition: async () => "",
    expositionType: "text/plain",
  };
  const admin = await openAdmin({ host: "127.0.0.1", port: 0, ...nothing });
  let open = true;
  const close = async (): Promise<void> => {
    if (open) await admin.close();
    open = false;
  };
  t.after(close);
  assert.equal(await exitCodeOf(String(command[2]), admin.port), 0, "alive, though not ready");
  await close();
  assert.equal(await exitCodeOf(String(command[2]), admin.port), 1);
});

const exitCodeOf = async (script: string, port: number): Promise<number | null> => {
  const child = spawn(process.execPath, ["-e", script], { env: { ...process.env, ADMIN_PORT: `${port}` } });
  await once(child, "exit");
  return child.exitCode;
};

test("every variable of the bridge in the image and in compose is a setting", () => {
  const known: readonly string[] = [...settingNames, ...secretNames.map((name) => `${name}_FILE`)];
  const given = [...Object.keys(imageEnv), ...keysAt(compose, "services", "bridge", "environment")];
  assert.deepEqual(
    given.filter((name) => !known.includes(name)),
    [],
  );
  assert.equal(new Set(given).size, given.length);
});

for (const variables of [
  { AUTH: "token", TOKENS: secret },
  { AUTH: "hmac", HMAC_KEYS: secret },
]) {
  test(`compose with AUTH=${variables.AUTH} starts the bridge without a fault or a warning`, () => {
    const loaded = loadConfig(bridgeEnv(variables));
    assert.ok(loaded.ok, loaded.ok ? "" : loaded.problems.join("\n"));
    assert.deepEqual(loaded.warnings, []);
  });
}

test("compose says what is missing when nobody said who may call", () => {
  assert.throws(() => bridgeEnv({}), /AUTH: who may call/);
  const loaded = loadConfig(bridgeEnv({ AUTH: "hmac" }));
  assert.ok(!loaded.ok);
  assert.equal(loaded.problems.length, 1);
  assert.match(loaded.problems[0] ?? "", /^HMAC_KEYS is required/);
});

const trial = (): Config => {
  const loaded = loadConfig(bridgeEnv({ AUTH: "token", TOKENS: secret }));
  assert.ok(loaded.ok);
  return loaded.config;
};

test("ports and addresses agree: bridge, image, Kafka, registry, Prometheus", () => {
  const { port, adminPort, kafka, registry } = trial();
  assert.deepEqual(ofFinal("EXPOSE"), [`${port} ${adminPort}`]);
  assert.deepEqual(textsAt(compose, "services", "bridge", "ports"), [
    `127.0.0.1:${port}:${port}`,
    `127.0.0.1:${adminPort}:${adminPort}`,
  ]);
  const listeners = textAt(compose, "services", "kafka", "environment", "KAFKA_ADVERTISED_LISTENERS");
  for (const broker of kafka.brokers) assert.ok(listeners.split(",").includes(`INSIDE://${broker}`), broker);
  const { host, pathname } = new URL(registry.url);
  assert.equal(host, `registry:${textsAt(compose, "services", "registry", "ports")[0]?.split(":").at(-1)}`);
  const check = textsAt(compose, "services", "registry", "healthcheck", "test").join(" ");
  assert.ok(check.includes(`${pathname}/subjects`), "healthy means that the bridge's own address answers");
  const prometheus = readYaml(read("deploy/prometheus.yml"));
  const [job = null] = [at(prometheus, "scrape_configs")].flatMap((jobs) =>
    Array.isArray(jobs) ? jobs : [],
  );
  assert.equal(textAt(job, "metrics_path"), "/metrics");
  assert.equal(textAt(job, "job_name"), packageJson.name);
  assert.ok(read("deploy/prometheus.yml").includes(`targets: ["bridge:${adminPort}"]`));
});

test("nothing in compose listens beyond this machine", () => {
  for (const service of services) {
    for (const port of textsAt(compose, "services", service, "ports"))
      assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
  }
});

test("every service of compose is as narrow as it can be", () => {
  for (const service of services) {
    assert.deepEqual(textsAt(compose, "services", service, "cap_drop"), ["ALL"], service);
    assert.deepEqual(
      textsAt(compose, "services", service, "security_opt"),
      ["no-new-privileges:true"],
      service,
    );
  }
  assert.equal(textAt(compose, "services", "bridge", "read_only"), "true");
});

test("compose starts in order, each service waiting for the health of those that it needs", () => {
  for (const service of services) {
    for (const needed of keysAt(compose, "services", service, "depends_on")) {
      assert.equal(
        textAt(compose, "services", service, "depends_on", needed, "condition"),
        "service_healthy",
      );
      const isChecked =
        needed === "bridge"
          ? ofFinal("HEALTHCHECK").length === 1
          : at(compose, "services", needed, "healthcheck") !== null;
      assert.ok(isChecked, `${needed} has no health check`);
    }
  }
  assert.deepEqual(keysAt(compose, "services", "bridge", "depends_on"), ["kafka", "registry"]);
});

test("P1: the journal of compose is on a volume that outlives the container, and the stop leaves time to drain", () => {
  const { journal, shutdownTimeoutMs, replyDeadlineMs } = trial();
  assert.deepEqual(textsAt(compose, "services", "bridge", "volumes"), ["journal:/data"]);
  assert.ok(keysAt(compose, "volumes").includes("journal"));
  assert.ok(journal.directory?.startsWith("/data/"));
  const grace = Number(/^(\d+)s$/.exec(textAt(compose, "services", "bridge", "stop_grace_period"))?.[1]);
  assert.ok(grace * 1000 > shutdownTimeoutMs + replyDeadlineMs);
});

test("files that compose mounts are there, and its volumes are declared and used", () => {
  const sources = services
    .filter((service) => at(compose, "services", service, "volumes") !== null)
    .flatMap((service) => textsAt(compose, "services", service, "volumes"))
    .map((volume) => volume.split(":")[0] ?? "");
  for (const path of sources.filter((source) => source.startsWith("."))) {
    assert.ok(existsSync(join(root, path)), path);
  }
  const named = sources.filter((source) => !source.startsWith("."));
  assert.deepEqual(new Set(named), new Set(keysAt(compose, "volumes")));
});

const versionOf = (name: string) => new RegExp(`<${name}>(.+)</${name}>`).exec(read("local/pom.xml"))?.[1];
const imageOf = (service: string) => textAt(compose, "services", service, "image");

test("compose runs the versions that the project is tested with, and no image without a version", () => {
  assert.equal(imageOf("kafka"), `apache/kafka:${versionOf("kafka.version")}`);
  assert.equal(imageOf("registry"), `apicurio/apicurio-registry:${versionOf("registry.version")}`);
  assert.equal(imageOf("bridge"), `${packageJson.name}:${packageJson.version}`);
  for (const service of services) assert.match(imageOf(service), /:v?\d+\.\d+\.\d+$/);
});
