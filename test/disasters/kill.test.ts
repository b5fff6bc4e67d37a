import assert from "node:assert/strict";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { startKafka } from "../../local/kafka.ts";
import { eventIdOf } from "../../src/core/record.ts";
import { eventually } from "../support/eventually.ts";
import { startBridgeProcess } from "../support/process.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";
import { idsInTopic } from "../support/topic-ids.ts";

const senders = 16;

const bodyOf = (): Buffer =>
  Buffer.from(
    JSON.stringify({
      callBackEnum: "ENVELOPE_UPDATE",
      callBackDesc: "ENVELOPE_FINISH",
      callBackEnvelopeVO: { envelopeId: randomBytes(16).toString("hex"), envelopeStatus: 2 },
    }),
  );

const newDirectory = async (t: TestContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "bridge-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

/** One sender after another until the connection dies. Adds the id of every callback that was answered 200. */
const sendUntilDead = async (port: number, acknowledged: Set<string>): Promise<void> => {
  for (;;) {
    const body = bodyOf();
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/callback`, { method: "POST", body });
      if (answer.status === 200) acknowledged.add(eventIdOf(body));
      await answer.arrayBuffer();
    } catch {
      // The process was killed: this is how the sender learns of it.
      return;
    }
  }
};

const killUnderLoad = async (env: Record<string, string>, acknowledged: Set<string>): Promise<void> => {
  const bridge = await startBridgeProcess(env);
  const load = Array.from({ length: senders }, () => sendUntilDead(bridge.port, acknowledged));
  // The instant of the kill is the point of the test: it is chosen at random.
  await after(randomInt(300, 1500));
  await bridge.end("SIGKILL");
  await Promise.all(load);
};

const assertAllInKafka = async (brokers: readonly string[], topic: string, acknowledged: Set<string>) => {
  let lost: ReadonlySet<string> = acknowledged;
  await eventually(
    async () => {
      const present = new Set(await idsInTopic(brokers, topic));
      lost = new Set([...acknowledged].filter((id) => !present.has(id)));
      return lost.size === 0;
    },
    { withinMs: 40_000 },
  ).catch(() =>
    assert.equal(
      lost.size,
      0,
      `${lost.size} of ${acknowledged.size} acknowledged callbacks are not in Kafka`,
    ),
  );
};

for (const ackAfter of ["published", "stored"]) {
  test(`P1: ACK_AFTER=${ackAfter}: kill -9 at random instants under load loses no acknowledged callback`, async (t) => {
    const { brokers, registryUrl } = sharedStack();
    const prefix = freshPrefix();
    const env = {
      AUTH: "none",
      ACK_AFTER: ackAfter,
      JOURNAL_DIR: await newDirectory(t),
      KAFKA_BROKERS: brokers.join(","),
      SCHEMA_REGISTRY_URL: registryUrl,
      TOPIC_PREFIX: prefix,
      LOG_LEVEL: "info",
    };
    const acknowledged = new Set<string>();
    for (let round = 0; round < 5; round += 1) await killUnderLoad(env, acknowledged);
    const bridge = await startBridgeProcess(env);
    t.after(() => bridge.end("SIGKILL"));
    await assertAllInKafka(brokers, `${prefix}envelope.finished`, acknowledged);
    t.diagnostic(`${acknowledged.size} acknowledged, none lost`);
    assert.ok(acknowledged.size > 100);
    assert.equal(await bridge.end("SIGTERM"), 0);
  });
}

test("P1: with Kafka gone callbacks are stored, survive kill -9 and are delivered when it is back", async (t) => {
  await using kafka = await startKafka();
  const { registryUrl } = sharedStack();
  const prefix = freshPrefix();
  const env = {
    AUTH: "none",
    ACK_AFTER: "stored",
    JOURNAL_DIR: await newDirectory(t),
    KAFKA_BROKERS: kafka.bootstrap,
    SCHEMA_REGISTRY_URL: registryUrl,
    TOPIC_PREFIX: prefix,
    LOG_LEVEL: "info",
  };
  const acknowledged = new Set<string>();
  await killUnderLoad(env, acknowledged);
  const [node] = kafka.nodes;
  assert.ok(node !== undefined);
  await node.kill();
  for (let round = 0; round < 3; round += 1) await killUnderLoad(env, acknowledged);
  const bridge = await startBridgeProcess(env);
  t.after(() => bridge.end("SIGKILL"));
  await node.start();
  await assertAllInKafka(kafka.bootstrap.split(","), `${prefix}envelope.finished`, acknowledged);
  t.diagnostic(`${acknowledged.size} acknowledged, none lost`);
});
