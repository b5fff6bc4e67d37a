import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { startKafka } from "../../local/kafka.ts";
import { newDirectory } from "../support/directories.ts";
import { assertInOrder, floodTopic, untilAllInKafka } from "../support/disasters.ts";
import { eventually } from "../support/eventually.ts";
import { openFlood } from "../support/flood.ts";
import { type BridgeProcess, startBridgeProcess } from "../support/process.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";

/** Ten minutes of 500 callbacks a second, at the speed that the machine allows. */
const callbacks = 300_000;
const senders = 64;
/** Of the whole process; a busy machine lets a little more garbage pile up than a quiet one. */
const memoryLimitMb = 400;

const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

const perSecond = (count: number, ms: number): string => Math.round((count / ms) * 1000).toLocaleString("en");

/** The most memory from now until it is asked for. */
const watchMemory = (t: TestContext, pid: number): (() => number) => {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, rssMb(pid));
  }, 250);
  t.after(() => clearInterval(timer));
  return () => {
    clearInterval(timer);
    return most;
  };
};

const pending = async (bridge: BridgeProcess): Promise<number> =>
  (await bridge.metrics()).sum("journal_pending_records");

test(`P1, P2, P6, P9: Kafka gone for ${callbacks} accepted callbacks, then back: all arrive in order, memory stays flat, and new ones are answered in time`, async (t) => {
  await using kafka = await startKafka();
  const [node] = kafka.nodes;
  assert.ok(node !== undefined);
  const brokers = kafka.bootstrap.split(",");
  const prefix = freshPrefix();
  const bridge = await startBridgeProcess({
    AUTH: "none",
    ACK_AFTER: "stored",
    JOURNAL_DIR: await newDirectory(t),
    KAFKA_BROKERS: kafka.bootstrap,
    SCHEMA_REGISTRY_URL: sharedStack().registryUrl,
    TOPIC_PREFIX: prefix,
  });
  t.after(() => bridge.end("SIGKILL"));
  const first = openFlood({ port: bridge.port, senders: 1, callbacks: 4 });
  await first.ended;
  await untilAllInKafka(first.acknowledged, { brokers, topic: prefix + floodTopic });

  await node.kill();
  const mostMemory = watchMemory(t, bridge.pid);
  const begunAt = performance.now();
  const outage = openFlood({ port: bridge.port, senders, callbacks: Math.ceil(callbacks / senders) });
  await outage.ended;
  const outageMs = performance.now() - begunAt;
  assert.ok(outage.acknowledged.size >= callbacks);
  assert.ok(outage.slowestMs() < 4000, `P2: the slowest answer took ${outage.slowestMs()} ms`);

  await node.start();
  const drainedFrom = performance.now();
  const during = openFlood({ port: bridge.port, senders: 8, everyMs: 50 });
  await eventually(async () => (await pending(bridge)) < 100, { withinMs: 240_000 });
  const drainMs = performance.now() - drainedFrom;
  during.stop();
  await during.ended;
  assert.ok(
    during.slowestMs() < 4000,
    `P2: during the drain the slowest answer took ${during.slowestMs()} ms`,
  );
  assert.deepEqual([...during.statuses.keys()], [200]);

  const acknowledged = new Map([...outage.acknowledged, ...during.acknowledged]);
  const ids = await untilAllInKafka(acknowledged, { brokers, topic: prefix + floodTopic });
  const memoryMb = mostMemory();
  assertInOrder(ids, acknowledged);
  t.diagnostic(
    `${acknowledged.size} acknowledged, none lost; accepted at ${perSecond(callbacks, outageMs)}/s, drained at ` +
      `${perSecond(callbacks, drainMs)}/s; slowest answer ${Math.round(outage.slowestMs())} ms in the outage, ` +
      `${Math.round(during.slowestMs())} ms in the drain; at most ${Math.round(memoryMb)} MB`,
  );
  assert.ok(memoryMb < memoryLimitMb, `P9: ${memoryMb} MB`);
  assert.equal(await bridge.end("SIGTERM"), 0);
});
