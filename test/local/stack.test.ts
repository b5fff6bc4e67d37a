import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Kafka, logLevel, type Admin, type KafkaConfig, type Producer } from "kafkajs";
import { kafkaJars } from "../../local/artifacts.ts";
import { cached } from "../../local/cache.ts";
import { findJava } from "../../local/java.ts";
import { startKafka, type LocalKafka } from "../../local/kafka.ts";
import { portClosed } from "../../local/ports.ts";
import { startRegistry } from "../../local/registry.ts";
import { tiedToParent } from "../../local/run.ts";
import { startStack } from "../../local/stack.ts";
import type { Environment, Surroundings } from "../../local/surroundings.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openFaultProxy } from "../support/faultProxy.ts";

const topic = "letters";

async function folderOf(t: TestContext): Promise<string> {
  const folder = await newDirectory(t);
  return folder;
}

/** A machine with an empty cache and nothing installed. */
async function bareMachine(t: TestContext, extra: Environment = {}): Promise<Surroundings> {
  const folder = await folderOf(t);
  await mkdir(join(folder, "bin"));
  const env = { PATH: join(folder, "bin"), XDG_CACHE_HOME: join(folder, "cache"), ...extra };
  return { env, javaFolders: [], report: () => undefined };
}

interface Clients {
  readonly admin: Admin;
  readonly producer: Producer;
}

async function connectClients(
  t: TestContext,
  bootstrap: string,
  config: Partial<KafkaConfig> = {},
): Promise<Clients> {
  const kafka = new Kafka({ logLevel: logLevel.NOTHING, ...config, brokers: bootstrap.split(",") });
  // The pauses of kafkajs double up to 30 s by default: a new leader would be found long after its election.
  const retry = { initialRetryTime: 100, maxRetryTime: 300, retries: 60 };
  const [admin, producer] = [kafka.admin(), kafka.producer({ retry })];
  t.after(() => Promise.all([admin.disconnect(), producer.disconnect()]));
  await Promise.all([admin.connect(), producer.connect()]);
  return { admin, producer };
}

async function leaderOf({ admin }: Clients, kafka: LocalKafka) {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const partition = topics[0]?.partitions[0];
  const node = kafka.nodes.find(({ id }) => id === partition?.leader);
  assert.ok(partition !== undefined && node !== undefined, "the partition has no leader");
  return { node, inSync: partition.isr.length };
}

test("of three brokers, a leader killed with -9 is replaced, and comes back with its data", async (t) => {
  await using kafka = await startKafka({ brokers: 3 });
  assert.equal(kafka.nodes.length, 3);
  const clients = await connectClients(t, kafka.bootstrap);
  await clients.admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3 }] });
  await clients.producer.send({ topic, acks: -1, messages: [{ value: "one" }] });
  const { node: killed } = await leaderOf(clients, kafka);

  await killed.kill();
  assert.equal(killed.pid, undefined);
  await clients.producer.send({ topic, acks: -1, messages: [{ value: "two" }] });
  await eventually(async () => (await leaderOf(clients, kafka)).node.id !== killed.id);

  await killed.start();
  assert.notEqual(killed.pid, undefined);
  await eventually(async () => (await leaderOf(clients, kafka)).inSync === 3, { withinMs: 30_000 });
  const [offsets] = await clients.admin.fetchTopicOffsets(topic);
  assert.equal(offsets?.high, "2");
});

test("clients come through the advertised proxy, and through SASL where the properties ask for it", async (t) => {
  await using proxy = await openFaultProxy();
  await using kafka = await startKafka({
    advertise: (_index, port) => {
      proxy.setTarget({ host: "127.0.0.1", port });
      return proxy.port;
    },
    properties: {
      "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
      "sasl.enabled.mechanisms": "SCRAM-SHA-512",
      "listener.name.client.scram-sha-512.sasl.jaas.config":
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    },
    formatArguments: ["--add-scram", "SCRAM-SHA-512=[name=bridge,password=secret]"],
  });
  assert.equal(kafka.bootstrap, `127.0.0.1:${proxy.port}`);
  assert.equal(proxy.connections, 0, "the start itself must not need the proxy");
  const sasl = { mechanism: "scram-sha-512", username: "bridge", password: "secret" } as const;
  const clients = await connectClients(t, kafka.bootstrap, { sasl });
  await clients.admin.createTopics({ topics: [{ topic }] });
  await clients.producer.send({ topic, messages: [{ value: "one" }] });
  assert.ok(proxy.connections > 0);

  proxy.swallowResponses(1);
  await assert.rejects(
    connectClients(t, kafka.bootstrap, {
      sasl,
      requestTimeout: 300,
      connectionTimeout: 300,
      retry: { retries: 0 },
    }),
  );
});

test("a broker that cannot start says why, and leaves no folder", async (t) => {
  const own = await folderOf(t);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = own;
  t.after(() => (before === undefined ? delete process.env["TMPDIR"] : (process.env["TMPDIR"] = before)));
  const start = startKafka({ properties: { "num.io.threads": "none" } });
  await assert.rejects(start, /num\.io\.threads/);
  const late = startKafka({ properties: { "authorizer.class.name": "no.such.Authorizer" } });
  await assert.rejects(late, /kafka 1 ended \(exit code 1\).*no\.such\.Authorizer/s);
  assert.deepEqual(await readdir(own), []);
});

test("a registry on disk keeps its schemas and ids over kill -9", async () => {
  await using registry = await startRegistry({ storage: "disk", compatibility: "FULL" });
  const register = async (subject: string, type: string): Promise<unknown> => {
    const answer = await fetch(`${registry.url}/subjects/${subject}/versions`, {
      method: "POST",
      headers: { "content-type": "application/vnd.schemaregistry.v1+json" },
      body: JSON.stringify({ schema: JSON.stringify({ type }) }),
    });
    return answer.json();
  };
  const first = await register("a-value", "string");
  const second = await register("b-value", "int");
  assert.notDeepEqual(first, second);
  await registry.kill();
  await registry.start();
  assert.deepEqual(await register("b-value", "int"), second);
  const config = await fetch(`${registry.url}/config`);
  assert.deepEqual(await config.json(), { compatibilityLevel: "FULL" });
});

const canTie = tiedToParent(["true"], process.env)[0] !== "true";

test(
  "no server outlives a parent that is killed",
  { skip: !canTie && "needs Linux and setpriv" },
  async (t) => {
    const source = `
    import { startKafka } from ${JSON.stringify(import.meta.resolve("../../local/kafka.ts"))};
    console.log((await startKafka()).nodes[0].port);`;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      env: { ...process.env, TMPDIR: await folderOf(t) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => parent.kill("SIGKILL"));
    const [line] = await once(parent.stdout.setEncoding("utf8"), "data");
    const port = Number(line);
    assert.ok(port > 0);
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await portClosed(port);
  },
);

test("what is missing is named, with a way to get it", async (t) => {
  const bare = await bareMachine(t);
  await assert.rejects(kafkaJars(bare), /Maven \(mvn\) is needed .* apt-get install maven/);
  await assert.rejects(
    findJava(bare, 21),
    /Java 21 or newer is needed .*pip.*apt-get install openjdk-21-jre/s,
  );
  await assert.rejects(findJava(bare, 26), /Java 26 or newer is needed/);
  await assert.rejects(startRegistry({}, bare), /Maven/);
  await assert.rejects(startStack(bare), /Maven/);
});

test("servers that are given are taken, and nothing is started", async (t) => {
  const given = { KAFKA_BROKERS: "broker:9092", SCHEMA_REGISTRY_URL: "http://registry" };
  await using stack = await startStack(await bareMachine(t, given));
  assert.deepEqual(
    [stack.brokers, stack.registryUrl, stack.started],
    ["broker:9092", "http://registry", false],
  );
});

async function interrupted(draft: string): Promise<void> {
  await mkdir(join(draft, "half"));
  throw new Error("interrupted");
}

test("a cache entry is whole or not there, and is made once", async (t) => {
  const { env } = await bareMachine(t);
  const entry = { env, name: "thing-1", fill: (draft: string) => mkdir(join(draft, "whole")) };
  await assert.rejects(cached({ ...entry, fill: interrupted }), /interrupted/);
  const folders = await Promise.all([cached(entry), cached(entry), cached(entry)]);
  assert.equal(new Set(folders).size, 1);
  assert.deepEqual(await readdir(await cached({ ...entry, fill: interrupted })), ["whole"]);
  assert.deepEqual(await readdir(join(await cached(entry), "..")), ["thing-1"]);
});
