import assert from "node:assert/strict";
import { test } from "node:test";
import { eventIdOf } from "../../src/core/record.ts";
import type { Entry } from "../../src/core/journal.ts";
import type { KafkaRecord } from "../../src/core/sink.ts";
import { eventually } from "../support/eventually.ts";
import { createMemorySink } from "../support/memorySink.ts";
import { mustAppend } from "../support/journals.ts";
import {
  beginRelay,
  bodyOf,
  deadLetters,
  keep,
  memoryJournal,
  toArrival,
  topicOf,
} from "../support/relays.ts";

const finished = topicOf("finished");
const started = topicOf("started");
const refused = `${deadLetters}.refused`;
const idsOf = (records: readonly KafkaRecord[]): string[] =>
  records.map(({ headers }) => String(headers["ce_id"]));
const numbered = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const never = () => Promise.resolve(null);

test("P6, P10: while the journal of a parked topic cannot be opened the topic is held back, others go on, and it drains by itself", async () => {
  const sink = createMemorySink({ partitions: 1 });
  const journal = memoryJournal();
  const lane = memoryJournal();
  const bodies = numbered(40).map((serial) => bodyOf("finished", "e-1", serial));
  for (const body of bodies.slice(0, 20)) keep(lane, body);
  let openable = false;
  let asked = 0;
  const openLaneJournal = () => {
    asked += 1;
    return Promise.resolve(openable ? lane : null);
  };
  const { lines, stop } = beginRelay({ journal, sink, openLaneJournal, parkedTopics: [finished] });
  for (const body of bodies.slice(20)) keep(journal, body);
  keep(journal, bodyOf("started", "e-1", 1));
  await eventually(() => sink.records(started).length === 1 && asked > 3);
  assert.equal(sink.records(finished).length, 0);
  assert.deepEqual(lines, [`parked ${finished}`]);
  openable = true;
  await eventually(() => lines.includes(`opened ${finished}`) && journal.status().pendingRecords === 0);
  assert.deepEqual(idsOf(sink.records(finished)), bodies.map(eventIdOf));
  await stop();
});

test("P6: the disk is asked for what was parked while its batch is still under way: more may be written behind it", async () => {
  const sink = createMemorySink();
  sink.failWith(({ topic }) => (topic === finished ? "topic-missing" : "broker-unavailable"));
  const journal = memoryJournal();
  const lane = memoryJournal();
  const asked: number[] = [];
  const openLaneJournal = () =>
    Promise.resolve({
      ...lane,
      stored: (entry: Entry) => {
        asked.push(entry.sequence);
        return lane.stored(entry);
      },
    });
  keep(journal, bodyOf("started", "e-1", 1));
  const parked = keep(lane, bodyOf("finished", "e-1", 0));
  const { stop } = beginRelay({ journal, sink, openLaneJournal, parkedTopics: [finished] });
  keep(journal, bodyOf("finished", "e-1", 1));
  await eventually(() => asked.length > 0, { withinMs: 5000 });
  assert.deepEqual(asked, [parked.sequence + 1]);
  assert.equal(journal.status().pendingRecords, 2, "the batch is under way");
  await stop();
});

test("P1: the relay ends in time while the journal of a parked topic cannot be opened", async () => {
  const sink = createMemorySink();
  const journal = memoryJournal();
  const { stop } = beginRelay({ journal, sink, openLaneJournal: never, parkedTopics: [finished] });
  keep(journal, bodyOf("finished", "e-1", 1));
  await stop();
  assert.equal(journal.status().pendingRecords, 1);
});

test("P3, P10: a dead letter that its topic does not take waits apart, others pass it, and it goes when the topic takes it", async () => {
  const sink = createMemorySink({ partitions: 1 });
  const journal = memoryJournal();
  const large = Buffer.alloc(5000, "not JSON ");
  const poison = bodyOf("finished", "e".repeat(5000), 1);
  const small = numbered(20).map((serial) => Buffer.from(`not JSON ${serial}`));
  sink.failWith(({ topic, value }) =>
    (topic === deadLetters || topic === finished) && value.length > 4000 ? "record-too-large" : undefined,
  );
  const { lines, lanes, stop } = beginRelay({ journal, sink });
  for (const body of [...small.slice(0, 10), large, ...small.slice(10), poison]) keep(journal, body);
  await eventually(() => sink.records(deadLetters).length === 20 && journal.status().pendingRecords === 0);
  await eventually(() => lanes.get(refused)?.status().pendingRecords === 2);
  keep(journal, Buffer.from("not JSON either"));
  await eventually(() => sink.records(deadLetters).length === 21 && journal.status().pendingRecords === 0);
  assert.equal(lines.filter((line) => line === "refused record-too-large").length, 2);
  assert.ok(!lines.includes(`opened ${refused}`));
  sink.failWith(() => undefined);
  await eventually(() => lines.includes(`opened ${refused}`));
  const ids = idsOf(sink.records(deadLetters));
  assert.deepEqual(new Set(ids.slice(-2)), new Set([eventIdOf(large), eventIdOf(poison)]));
  assert.equal(ids.length, 23);
  await stop();
});

test("P3: dead letters that were refused when the bridge ended wait apart after its next start too", async () => {
  const sink = createMemorySink({ partitions: 1 });
  const journal = memoryJournal();
  const lane = memoryJournal();
  const body = Buffer.from("not JSON at all");
  const letter = { reason: "not-json", detail: "", topic: "" } as const;
  mustAppend(lane, { ...toArrival(body), deadLetter: letter });
  sink.failWith(({ value }) => (value.length === body.length ? "record-invalid" : undefined));
  const openLaneJournal = () => Promise.resolve(lane);
  const { lines, stop } = beginRelay({ journal, sink, openLaneJournal, parkedTopics: [refused] });
  keep(journal, Buffer.from("other"));
  await eventually(() => sink.records(deadLetters).length === 1 && sink.calls.length > 5);
  sink.failWith(() => undefined);
  await eventually(() => lines.includes(`opened ${refused}`));
  assert.deepEqual(idsOf(sink.records(deadLetters)), [eventIdOf(Buffer.from("other")), eventIdOf(body)]);
  await stop();
});
