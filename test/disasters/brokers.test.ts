import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { newDirectory } from "../support/directories.ts";
import { assertInOrder, floodTopic, untilAllInKafka } from "../support/disasters.ts";
import { openFlood } from "../support/flood.ts";
import { openBridgeProcess, untilReady } from "../support/openBridge.ts";
import { type BridgeProcess, textOf } from "../support/process.ts";
import { type ProxiedKafka, startProxiedKafka } from "../support/proxiedKafka.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";

// Three brokers, replication 3, min.insync.replicas 2, each behind a proxy; the bridge is a process with a disk journal.

const senders = 50;

let kafka: ProxiedKafka;
before(async () => {
  kafka = await startProxiedKafka(3);
});
after(() => kafka[Symbol.asyncDispose]());

/** Watches until it is stopped; then gives the longest time, in ms, in which Kafka acknowledged no record. */
const watchPauses = (bridge: BridgeProcess): (() => Promise<number>) => {
  const over = new AbortController();
  const watch = async (): Promise<number> => {
    let [published, since, longest] = [0, performance.now(), 0];
    while (!over.signal.aborted) {
      const now = (await bridge.metrics()).sum("records_published_total");
      longest = Math.max(longest, performance.now() - since);
      if (now !== published) [published, since] = [now, performance.now()];
      await pause(100);
    }
    return longest;
  };
  const watched = watch();
  return () => {
    over.abort();
    return watched;
  };
};

type Disaster = (topic: string) => Promise<void>;

const underLoad = async (t: TestContext, disaster: Disaster): Promise<void> => {
  const prefix = freshPrefix();
  const topic = prefix + floodTopic;
  const bridge = await openBridgeProcess(t, {
    AUTH: "none",
    JOURNAL_DIR: await newDirectory(t),
    KAFKA_BROKERS: kafka.bootstrap.join(","),
    SCHEMA_REGISTRY_URL: sharedStack().registryUrl,
    TOPIC_PREFIX: prefix,
  });
  await untilReady(bridge);
  const flood = openFlood({ port: bridge.port, senders, everyMs: 50 });
  await publishedMore(bridge, 200);
  const longestPause = watchPauses(bridge);
  await disaster(topic);
  // Acknowledgements go on: what comes after the disaster is published while its backlog is.
  await publishedMore(bridge, 500);
  const pauseMs = await longestPause();
  flood.stop();
  await flood.ended;
  const ids = await untilAllInKafka(flood.acknowledged, { brokers: kafka.internal, topic });
  assertInOrder(ids, flood.acknowledged);
  assert.deepEqual([...flood.statuses.keys()], [200], "P1: with a disk journal no outage is the sender's");
  assert.ok(flood.slowestMs() < 4000, `P2: an answer took ${flood.slowestMs().toFixed(0)} ms`);
  assert.equal(await bridge.end("SIGTERM"), 0, textOf(bridge));
  t.diagnostic(
    `${flood.acknowledged.size} acknowledged, ${ids.length - new Set(ids).size} of ${ids.length} records repeated, ` +
      `slowest answer ${flood.slowestMs().toFixed(0)} ms, longest pause of Kafka's acknowledgements ${pauseMs.toFixed(0)} ms`,
  );
};

const publishedMore = async (bridge: BridgeProcess, count: number): Promise<void> => {
  const goal = (await bridge.metrics()).sum("records_published_total") + count;
  const late = performance.now() + 40_000;
  while ((await bridge.metrics()).sum("records_published_total") < goal) {
    assert.ok(performance.now() < late, `Kafka acknowledges nothing any more:\n${textOf(bridge)}`);
    await pause(50);
  }
};

const promises = "P1, P2, P3, P6: three brokers:";
const options = { timeout: 600_000 };

test(`${promises} kill -9 of leaders under load loses nothing and keeps the order`, options, (t) =>
  underLoad(t, async (topic) => {
    for (let round = 0; round < 2; round += 1) {
      const leader = await kafka.leaderOf(topic);
      await leader.kill();
      await pause(randomInt(1000, 5000));
      await leader.start();
    }
  }),
);

test(
  `${promises} a leader that is stopped for 8 s and goes on loses nothing and keeps the order`,
  options,
  (t) =>
    underLoad(t, async (topic) => {
      const leader = await kafka.leaderOf(topic);
      leader.signal("SIGSTOP");
      await pause(8000);
      leader.signal("SIGCONT");
    }),
);

test(`${promises} a rolling restart loses nothing and keeps the order`, options, (t) =>
  underLoad(t, async () => {
    for (const node of kafka.nodes) {
      await node.stop();
      await node.start();
    }
  }),
);

test(
  `${promises} cut and half-open connections and swallowed responses lose nothing and keep the order`,
  options,
  (t) => {
    t.after(() => kafka.proxies.forEach((proxy) => proxy.heal()));
    return underLoad(t, async () => {
      for (let round = 0; round < 30; round += 1) {
        kafka.proxies[round % 3]?.cut();
        await pause(randomInt(20, 200));
      }
      kafka.proxies.forEach((proxy) => proxy.swallowResponses(2));
      await pause(3000);
      kafka.proxies[randomInt(3)]?.halfOpen();
      await pause(8000);
      kafka.proxies.forEach((proxy) => proxy.cut());
      kafka.proxies.forEach((proxy) => proxy.heal());
    });
  },
);
