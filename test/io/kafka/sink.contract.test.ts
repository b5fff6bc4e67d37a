import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { testSinkContract } from "../../contract/sinkContract.ts";
import { createMemorySink } from "../../support/memorySink.ts";
import { openSinkOn, type ProxiedKafka, recordOf, startProxiedKafka } from "../../support/proxiedKafka.ts";

let kafka: ProxiedKafka;
before(async () => {
  kafka = await startProxiedKafka(1);
});
after(() => kafka[Symbol.asyncDispose]());

testSinkContract("kafkajs on a real broker", (t) => {
  const sink = openSinkOn(kafka.bootstrap);
  t.after(() => sink[Symbol.asyncDispose]());
  t.after(() => kafka.proxies[0]?.heal());
  return Promise.resolve({
    sink,
    createTopic: () => kafka.createTopic(),
    missingTopic: "nowhere",
    tooLargeBytes: 2_000_000,
    records: kafka.records,
    hang: () => kafka.proxies[0]?.halfOpen(),
  });
});

testSinkContract("in memory", () => {
  const topics = ["one", "two"];
  const free = topics.values();
  const sink = createMemorySink({ topics });
  return Promise.resolve({
    sink,
    createTopic: () => Promise.resolve(free.next().value ?? ""),
    missingTopic: "nowhere",
    tooLargeBytes: 2_000_000,
    records: (topic) => Promise.resolve(sink.records(topic)),
    hang: () => void sink.hang(),
  });
});

test("P7, P10: what one topic refuses is not sent again for the others of its call", async () => {
  const [small, healthy] = [await kafka.createTopic(), await kafka.createTopic()];
  await kafka.setLimit(small, 1000);
  await using sink = openSinkOn(kafka.bootstrap);
  const large = { ...recordOf(small, "k", "large"), value: Buffer.alloc(2000) };
  const [other, refused] = await sink.send([recordOf(healthy, "k", "1"), large]);
  assert.ok(other?.ok);
  assert.ok(refused?.ok === false && refused.code === "record-too-large");
});

test("P10: only the first record that is too large costs the connection, and a limit that was raised is noticed", async () => {
  const topic = await kafka.createTopic();
  await using sink = openSinkOn(kafka.bootstrap);
  const large = { ...recordOf(topic, "k", "large"), value: Buffer.alloc(1_100_000) };
  const codesOf = (outcomes: Awaited<ReturnType<typeof sink.send>>) =>
    outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.code));
  assert.deepEqual(codesOf(await sink.send([large])), ["record-too-large"]);
  for (let round = 0; round < 3; round += 1) {
    const sent = await sink.send([recordOf(topic, "k", "before"), large, recordOf(topic, "k", "behind")]);
    assert.deepEqual(codesOf(sent), ["ok", "record-too-large", "ok"]);
    assert.match(sent[1]?.ok === false ? sent[1].detail : "", /max\.message\.bytes of the topic is 1048588$/);
  }
  assert.deepEqual(sink.reconnects, ["record-too-large"]);
  await kafka.setLimit(topic, 1_200_000);
  assert.deepEqual(codesOf(await sink.send([large])), ["ok"]);
  assert.deepEqual(sink.reconnects, ["record-too-large"]);
});
