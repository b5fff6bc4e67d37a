import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pino } from "pino";
import { freePorts } from "../../../local/ports.ts";
import { startingWith } from "../../../src/io/kafka/client.ts";
import { prepareTopics } from "../../../src/io/kafka/topics.ts";
import { eventually } from "../../support/eventually.ts";
import { openFaultProxy } from "../../support/faultProxy.ts";
import { openSinkOn, type ProxiedKafka, recordOf, startProxiedKafka } from "../../support/proxiedKafka.ts";

let kafka: ProxiedKafka;
before(async () => {
  kafka = await startProxiedKafka(1);
});
after(() => kafka[Symbol.asyncDispose]());

const timeout = 60_000;

test(
  "P10: a topic deleted while the sink runs is named, and a healthy one is never called missing for it",
  { timeout },
  async () => {
    const [gone, healthy, other] = [
      await kafka.createTopic(),
      await kafka.createTopic(),
      await kafka.createTopic(),
    ];
    await using sink = openSinkOn(kafka.bootstrap);
    const first = await sink.send([recordOf(gone, "k", "1"), recordOf(healthy, "k", "1")]);
    assert.ok(first.every(({ ok }) => ok));
    await kafka.deleteTopic(gone);
    // A topic that is new to it, and so asked for: the deleted one must not spoil that.
    const [known, unknown] = await sink.send([recordOf(healthy, "k", "2"), recordOf(other, "k", "2")]);
    assert.ok(known?.ok && unknown?.ok);
    const stale = await sink.send([recordOf(healthy, "k", "3"), recordOf(gone, "k", "3")]);
    assert.deepEqual(
      stale.map((outcome) => outcome.ok || outcome.code),
      [true, "record-not-sent"],
    );
    const asked = await sink.send([recordOf(healthy, "k", "4"), recordOf(gone, "k", "4")]);
    assert.deepEqual(
      asked.map((outcome) => outcome.ok || outcome.code),
      [true, "topic-missing"],
    );
    assert.deepEqual(
      (await kafka.records(healthy)).map(({ value }) => value.toString()),
      ["1", "2", "3", "4"],
    );
  },
);

test(
  "P1: what went to a partition that is there no longer is not ok, and goes to another when it is sent again",
  { timeout },
  async () => {
    const shrunk = await kafka.createTopic(12);
    await using sink = openSinkOn(kafka.bootstrap);
    const records = Array.from({ length: 40 }, (_, n) => recordOf(shrunk, `key ${n}`, `${n}`));
    let outcomes = await sink.send(records);
    // The leaders of a new topic may refuse their first records, for which the sink asks for them anew.
    while (outcomes.some(({ ok }) => !ok)) outcomes = await sink.send(records);
    const elsewhere = records.filter((_, n) => {
      const outcome = outcomes[n];
      return outcome?.ok && outcome.value.partition > 0;
    });
    assert.ok(elsewhere.length > 10);
    await kafka.recreateTopic(shrunk, 1);
    // The sink asks for the leaders of this one, and still counts on twelve partitions of the other.
    const fresh = await kafka.createTopic();
    const [other, ...lost] = await sink.send([recordOf(fresh, "k", "1"), ...elsewhere]);
    assert.ok(other?.ok);
    assert.ok(lost.every((outcome) => !outcome.ok && outcome.code === "record-not-sent"));
    const again = await sink.send(elsewhere);
    assert.ok(again.every((outcome) => outcome.ok && outcome.value.partition === 0));
    assert.equal((await kafka.records(shrunk)).length, elsewhere.length);
  },
);

test("P10: more partitions while the sink runs hold up nothing", { timeout }, async () => {
  const topic = await kafka.createTopic(1);
  await using sink = openSinkOn(kafka.bootstrap);
  assert.ok((await sink.send([recordOf(topic, "k", "1")]))[0]?.ok);
  await kafka.addPartitions(topic, 6);
  const outcomes = await sink.send(Array.from({ length: 20 }, (_, n) => recordOf(topic, `${n}`, `${n}`)));
  assert.ok(outcomes.every(({ ok }) => ok));
});

test(
  "P10: of several brokers, one that accepts and never answers delays the connection by seconds, whichever it is",
  { timeout },
  async (t) => {
    const mute = await openFaultProxy({ target: { host: "127.0.0.1", port: kafka.proxies[0]?.port ?? 0 } });
    t.after(() => mute[Symbol.asyncDispose]());
    mute.delay(600_000);
    const brokers = [`127.0.0.1:${mute.port}`, ...kafka.bootstrap];
    const topic = await kafka.createTopic();
    await using sink = openSinkOn(brokers);
    const begun = performance.now();
    await eventually(async () => (await sink.send([recordOf(topic, "k", "1")]))[0]?.ok === true);
    t.diagnostic(`connected after ${(performance.now() - begun).toFixed(0)} ms`);
    const rules = {
      mode: "verify",
      topics: [topic],
      deadLetterTopic: topic,
      deadLetterBytes: 1,
      partitions: 1,
      replication: 1,
    } as const;
    const settings = { brokers, clientId: "test", tls: null, sasl: null };
    const log = pino({ level: "silent" });
    const preparations = [
      await prepareTopics(startingWith(settings, 0), log, rules),
      await prepareTopics(startingWith(settings, 1), log, rules),
    ];
    assert.deepEqual(
      preparations.map(({ ok }) => ok),
      [false, true],
    );
  },
);

test("P9: closing waits for no broker that accepts and never answers", { timeout }, async (t) => {
  const mute = await openFaultProxy({ target: { host: "127.0.0.1", port: kafka.proxies[0]?.port ?? 0 } });
  t.after(() => mute[Symbol.asyncDispose]());
  mute.delay(600_000);
  const sink = openSinkOn([`127.0.0.1:${mute.port}`]);
  const waiting = sink.send([recordOf("anything", "k", "1")]);
  await eventually(() => mute.connections > 0);
  const begun = performance.now();
  await sink[Symbol.asyncDispose]();
  const [outcome] = await waiting;
  assert.ok(outcome?.ok === false && outcome.code === "broker-unavailable");
  assert.ok(performance.now() - begun < 1500);
});

test("without any broker a call fails by its deadline", { timeout }, async () => {
  const [port] = await freePorts(1);
  await using sink = openSinkOn([`127.0.0.1:${port}`]);
  const begun = performance.now();
  const [outcome] = await sink.send([recordOf("anything", "k", "1")]);
  assert.ok(outcome?.ok === false && outcome.code === "broker-unavailable");
  assert.ok(performance.now() - begun < 12_000);
});
