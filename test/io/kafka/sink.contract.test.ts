import { after, before } from "node:test";
import { testSinkContract } from "../../contract/sinkContract.ts";
import { createMemorySink } from "../../support/memorySink.ts";
import { openSinkOn, type ProxiedKafka, startProxiedKafka } from "../../support/proxiedKafka.ts";

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
