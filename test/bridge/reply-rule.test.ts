import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { type LocalKafka, startKafka } from "../../local/kafka.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { type Reply, sendOpenLoop } from "../support/load.ts";
import { openBridgeProcess, sharedSettings, untilReady } from "../support/openBridge.ts";
import { recordsIn, topicsUnder } from "../support/records.ts";
import { idOf, post } from "../support/sender.ts";

const event = (action: string, id: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      callBackEnum: "ENVELOPE_UPDATE",
      callBackDesc: action,
      callBackEnvelopeVO: { envelopeId: id, envelopeStatus: 2 },
    }),
  );

/** The sender waits 5 s; what is later than this has no room left for the network. */
const latestMs = 4000;
/** In memory every answer of an outage comes at the deadline: a machine that is held up needs room behind it. */
const inMemory = { JOURNAL_DIR: "none", REPLY_DEADLINE_MS: "2000" };

const onlyNode = ({ nodes }: LocalKafka) => {
  const [node] = nodes;
  assert.ok(node !== undefined);
  return node;
};

test("P1, P2, P7: with a broker that hangs the sender hears 503 in time, and the callback arrives once it wakes", async (t) => {
  await using kafka = await startKafka();
  const settings = { ...sharedSettings(), ...inMemory, KAFKA_BROKERS: kafka.bootstrap };
  const bridge = await openBridgeProcess(t, settings);
  await untilReady(bridge);
  const node = onlyNode(kafka);
  const once = event("ENVELOPE_FINISH", "e-once");
  const often = event("ENVELOPE_SIGNER_FAILED", "e-often");

  node.signal("SIGSTOP");
  const refusals = await Promise.all([once, often].map((body) => post(bridge.port, body)));
  for (const { status, headers, body, ms } of refusals) {
    assert.deepEqual([status, body], [503, '{"code":"503","msg":"deadline-passed"}']);
    assert.ok(Number(headers.get("retry-after")) > 0, "Retry-After");
    assert.ok(ms < latestMs, `answered after ${ms} ms`);
  }
  node.signal("SIGCONT");

  const topics = topicsUnder(settings.TOPIC_PREFIX);
  const found = () => recordsIn([kafka.bootstrap], topics);
  await eventually(async () => new Set((await found()).map(({ key }) => key)).size === 2, {
    withinMs: 40_000,
  });
  for (const body of [once, often])
    await eventually(async () => (await post(bridge.port, body)).status === 200, { withinMs: 40_000 });

  const records = await found();
  const whole = records.map(({ topic, key, headers }) => [topic, key, headers["ce_id"]].join(" "));
  assert.deepEqual(
    new Set(whole),
    new Set([
      `${settings.TOPIC_PREFIX}envelope.finished e-once ${idOf(once)}`,
      `${settings.TOPIC_PREFIX}envelope.signer-failed e-often ${idOf(often)}`,
    ]),
    "the repeats have the same ids and are nothing else",
  );
  assert.ok(
    whole.filter((text) => text.includes("e-often")).length > 1,
    "what may happen twice is there twice",
  );
});

const perSecond = 200;
const seconds = 20;

/** Kills the broker a quarter of the way and starts it again. */
const underLoad = async (kafka: LocalKafka, port: number): Promise<readonly Reply[]> => {
  const node = onlyNode(kafka);
  const load = sendOpenLoop({
    port,
    perSecond,
    seconds,
    bodyOf: (n) => event("ENVELOPE_FINISH", `e-${n}`),
  });
  // The fault falls into the load, not before it.
  await after((seconds * 1000) / 4);
  await node.kill();
  await node.start();
  return load;
};

const reportOf = (replies: readonly Reply[]): string => {
  const times = replies.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const ok = replies.filter(({ status }) => status === 200).length;
  const p50 = times[Math.floor(times.length / 2)] ?? 0;
  return `${replies.length} sent, ${ok} answered 200; p50 ${p50.toFixed(1)} ms, latest ${times.at(-1)?.toFixed(0)} ms`;
};

const assertAllArrived = async (brokers: string, topic: string, replies: readonly Reply[]): Promise<void> => {
  const acknowledged = replies.filter(({ status }) => status === 200).map(({ id }) => id);
  await eventually(
    async () => {
      const present = new Set((await recordsIn([brokers], [topic])).map(({ headers }) => headers["ce_id"]));
      const lost = acknowledged.filter((id) => !present.has(id));
      assert.equal(lost.length, 0, `${lost.length} of ${acknowledged.length} acknowledged are not in Kafka`);
      return true;
    },
    { withinMs: 60_000 },
  );
};

for (const journal of ["in memory", "on disk"] as const) {
  test(`P1, P2: journal ${journal}: a broker killed and restarted under ${perSecond} callbacks a second loses none that was answered 200, and all are answered in time`, async (t) => {
    await using kafka = await startKafka();
    const settings = {
      ...sharedSettings(),
      KAFKA_BROKERS: kafka.bootstrap,
      ...(journal === "on disk" ? { JOURNAL_DIR: await newDirectory(t) } : inMemory),
    };
    const bridge = await openBridgeProcess(t, settings);
    await untilReady(bridge);
    // With a journal on disk ready does not mean connected.
    await eventually(async () => (await bridge.metrics()).sum("kafka_connected") === 1);
    const replies = await underLoad(kafka, bridge.port);
    t.diagnostic(reportOf(replies));
    assert.equal(replies.length, perSecond * seconds);
    assert.deepEqual(
      replies.filter(({ status }) => status !== 200 && (journal === "on disk" || status !== 503)),
      [],
    );
    const beforeTheKill = replies.slice(0, replies.length / 5);
    assert.ok(beforeTheKill.every(({ status }) => status === 200));
    const oneMore = event("ENVELOPE_FINISH", "e-one-more");
    await eventually(async () => (await post(bridge.port, oneMore)).status === 200);
    const late = replies.filter(({ ms }) => ms >= latestMs);
    assert.equal(late.length, 0, `${late.length} answers came later than ${latestMs} ms`);
    await assertAllArrived(kafka.bootstrap, `${settings.TOPIC_PREFIX}envelope.finished`, replies);
  });
}
