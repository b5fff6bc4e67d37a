import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { startKafka } from "../../local/kafka.ts";
import { newDirectory } from "../support/directories.ts";
import { assertInOrder, floodTopic, rounds, untilAllInKafka } from "../support/disasters.ts";
import { openFlood, type Sent } from "../support/flood.ts";
import { startBridgeProcess } from "../support/process.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";

const senders = 16;

type Acknowledged = Map<string, Sent>;

/** One life of the bridge: under load from the first moment, ended at a random one. */
const killUnderLoad = async (env: Record<string, string>, acknowledged: Acknowledged): Promise<void> => {
  const bridge = await startBridgeProcess(env);
  const flood = openFlood({ port: bridge.port, senders });
  // The instant of the kill is the point of the test: it is chosen at random.
  await after(randomInt(50, 1000));
  await bridge.end("SIGKILL");
  flood.stop();
  await flood.ended;
  for (const [id, sent] of flood.acknowledged) acknowledged.set(id, sent);
};

const settings = (directory: string, brokers: string, ackAfter: string) => ({
  AUTH: "none",
  ACK_AFTER: ackAfter,
  JOURNAL_DIR: directory,
  KAFKA_BROKERS: brokers,
  SCHEMA_REGISTRY_URL: sharedStack().registryUrl,
  TOPIC_PREFIX: freshPrefix(),
});

for (const ackAfter of ["published", "stored"]) {
  test(`P1, P6: kill -9 at random instants under load with Kafka up loses nothing, ACK_AFTER=${ackAfter}`, async (t) => {
    const { brokers } = sharedStack();
    const env = settings(await newDirectory(t), brokers.join(","), ackAfter);
    const acknowledged: Acknowledged = new Map();
    for (let round = 0; round < Math.ceil(rounds / 2); round += 1) await killUnderLoad(env, acknowledged);
    const bridge = await startBridgeProcess(env);
    t.after(() => bridge.end("SIGKILL"));
    const ids = await untilAllInKafka(acknowledged, { brokers, topic: env.TOPIC_PREFIX + floodTopic });
    assertInOrder(ids, acknowledged);
    const twice = ids.length - new Set(ids).size;
    t.diagnostic(`${acknowledged.size} acknowledged, none lost, ${twice} in Kafka twice`);
    assert.ok(acknowledged.size > rounds);
    assert.equal(await bridge.end("SIGTERM"), 0);
  });
}

test("P1, P6: kill -9 at random instants with Kafka down, and then while the backlog drains, loses nothing", async (t) => {
  await using kafka = await startKafka();
  const [node] = kafka.nodes;
  assert.ok(node !== undefined);
  const brokers = kafka.bootstrap.split(",");
  const env = settings(await newDirectory(t), kafka.bootstrap, "stored");
  const acknowledged: Acknowledged = new Map();
  // Topics and schema ids are had once; then Kafka goes.
  await killUnderLoad(env, acknowledged);
  await node.kill();
  for (let round = 0; round < rounds; round += 1) await killUnderLoad(env, acknowledged);
  const waiting = acknowledged.size;
  await node.start();
  for (let round = 0; round < rounds; round += 1) await killUnderLoad(env, acknowledged);
  const bridge = await startBridgeProcess(env);
  t.after(() => bridge.end("SIGKILL"));
  const ids = await untilAllInKafka(acknowledged, { brokers, topic: env.TOPIC_PREFIX + floodTopic });
  assertInOrder(ids, acknowledged);
  const twice = ids.length - new Set(ids).size;
  t.diagnostic(
    `${waiting} acknowledged with Kafka down, ${acknowledged.size} in all, none lost, ${twice} in Kafka twice`,
  );
  assert.equal(await bridge.end("SIGTERM"), 0);
});
