import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import type { KafkaRecord, Sink } from "../../src/core/sink.ts";

/** As it stands in the topic. */
export type StoredRecord = Pick<KafkaRecord, "key" | "value" | "headers" | "timestamp">;

export interface SinkSubject {
  readonly sink: Sink;
  /** A topic that exists, is empty and has several partitions. */
  readonly createTopic: () => Promise<string>;
  readonly missingTopic: string;
  /** One record of so many bytes is refused. */
  readonly tooLargeBytes: number;
  /** In the order of each partition. */
  readonly records: (topic: string) => Promise<readonly StoredRecord[]>;
  /** From now on nothing answers. */
  readonly hang: () => void;
}

export type OpenSubject = (t: TestContext) => Promise<SinkSubject>;

const recordOf = (topic: string, key: string | null, text: string): KafkaRecord => ({
  topic,
  key,
  value: Buffer.from(text),
  headers: { ce_id: text },
  timestamp: Date.now(),
});

const textsOf = (records: readonly StoredRecord[], key?: string): readonly string[] =>
  records.filter((record) => key === undefined || record.key === key).map(({ value }) => value.toString());

const toStored = ({ key, value, headers, timestamp }: StoredRecord): StoredRecord => ({
  key,
  value,
  headers,
  timestamp,
});

const byTime = (one: StoredRecord, other: StoredRecord): number => one.timestamp - other.timestamp;

const numbered = (count: number, name: string): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

/** What every sink must do, as tests of the named implementation. */
export const testSinkContract = (name: string, open: OpenSubject): void => {
  const contract = (sentence: string, run: (subject: SinkSubject) => Promise<void>): void => {
    test(`${name}: ${sentence}`, { timeout: 60_000 }, async (t) => run(await open(t)));
  };

  contract(
    "P3: a record that is ok stands in its topic with key, value, headers and time",
    async ({ sink, createTopic, records }) => {
      const topic = await createTopic();
      const sent = [
        {
          topic,
          key: "k-1",
          value: Buffer.of(0, 255, 7),
          headers: { ce_id: "1", ü: "é" },
          timestamp: 1_700_000_000_123,
        },
        // Earlier than the one before: each record has its own time.
        { topic, key: "k-1", value: Buffer.from(""), headers: {}, timestamp: 1_600_000_000_000 },
        {
          topic,
          key: null,
          value: Buffer.from("no key"),
          headers: { ce_id: "3" },
          timestamp: 1_700_000_000_500,
        },
      ];
      const outcomes = await sink.send(sent);
      assert.deepEqual(
        outcomes.map(({ ok }) => ok),
        [true, true, true],
      );
      const stored = await records(topic);
      assert.deepEqual(stored.map(toStored).toSorted(byTime), sent.map(toStored).toSorted(byTime));
    },
  );

  contract(
    "P6: records of one topic and key keep their order, within a call and from call to call",
    async ({ sink, createTopic, records }) => {
      const topics = await Promise.all([createTopic(), createTopic()]);
      const keys = numbered(7, "key");
      // Nobody waits for the call before.
      const calls = numbered(20, "call").map((call) =>
        sink.send(
          topics.flatMap((topic) =>
            keys.flatMap((key) => numbered(3, call).map((text) => recordOf(topic, key, text))),
          ),
        ),
      );
      const outcomes = (await Promise.all(calls)).flat();
      assert.ok(outcomes.every(({ ok }) => ok));
      const expected = numbered(20, "call").flatMap((call) => numbered(3, call));
      for (const topic of topics) {
        const stored = await records(topic);
        for (const key of keys) assert.deepEqual(textsOf(stored, key), expected);
      }
    },
  );

  contract(
    "P3: a hundred concurrent callers each hear of their own records",
    async ({ sink, createTopic, records }) => {
      const topic = await createTopic();
      const all = await Promise.all(
        numbered(100, "caller").map(async (caller) => {
          const outcomes = await sink.send(numbered(5, caller).map((text) => recordOf(topic, caller, text)));
          assert.equal(outcomes.length, 5);
          // One key is one partition.
          assert.equal(new Set(outcomes.map((outcome) => outcome.ok && outcome.value.partition)).size, 1);
          return outcomes;
        }),
      );
      assert.ok(all.flat().every(({ ok }) => ok));
      const expected = numbered(100, "caller").flatMap((caller) => numbered(5, caller));
      assert.deepEqual(textsOf(await records(topic)).toSorted(), expected.toSorted());
    },
  );

  contract("no record, no outcome", async ({ sink }) => {
    assert.deepEqual(await sink.send([]), []);
  });

  contract(
    "P10: a missing topic is named, and holds up no other, neither in its call nor in later ones",
    async ({ sink, createTopic, missingTopic, records }) => {
      const topic = await createTopic();
      for (const round of numbered(3, "round")) {
        const [first, missing, last] = await sink.send([
          recordOf(topic, "k", `${round} first`),
          recordOf(missingTopic, "k", round),
          recordOf(topic, "k", `${round} last`),
        ]);
        assert.ok(first?.ok === true && last?.ok === true);
        assert.ok(missing?.ok === false && missing.code === "topic-missing");
        const [alone] = await sink.send([recordOf(topic, "k", `${round} alone`)]);
        assert.ok(alone?.ok);
      }
      const expected = numbered(3, "round").flatMap((round) => [
        `${round} first`,
        `${round} last`,
        `${round} alone`,
      ]);
      assert.deepEqual(textsOf(await records(topic)), expected);
    },
  );

  contract(
    "P10: a record that is too large is refused as such, and what is sent without it arrives",
    async ({ sink, createTopic, tooLargeBytes, records }) => {
      const topic = await createTopic();
      const large = { ...recordOf(topic, "k", "large"), value: Buffer.alloc(tooLargeBytes) };
      const [alone] = await sink.send([large]);
      assert.ok(alone?.ok === false && alone.code === "record-too-large");
      const together = await sink.send([recordOf(topic, "k", "beside"), large]);
      assert.ok(together[1]?.ok === false && together[1].code === "record-too-large");
      const [small] = await sink.send([recordOf(topic, "k", "small")]);
      assert.ok(small?.ok);
      assert.ok(textsOf(await records(topic)).includes("small"));
    },
  );

  contract("P9: closing ends a call that hangs, with a failure, and later calls too", async (subject) => {
    const { sink, createTopic } = subject;
    const topic = await createTopic();
    const [before] = await sink.send([recordOf(topic, "k", randomUUID())]);
    assert.ok(before?.ok);
    subject.hang();
    const hanging = sink.send([recordOf(topic, "k", randomUUID())]);
    const waiting = sink.send([recordOf(topic, "k", randomUUID())]);
    const begun = performance.now();
    await sink[Symbol.asyncDispose]();
    for (const call of [hanging, waiting, sink.send([recordOf(topic, "k", randomUUID())])]) {
      const [outcome] = await call;
      assert.ok(outcome?.ok === false && outcome.code === "broker-unavailable");
    }
    assert.ok(performance.now() - begun < 2500, "the deadline of a call is not waited for");
    await sink[Symbol.asyncDispose]();
  });
};
