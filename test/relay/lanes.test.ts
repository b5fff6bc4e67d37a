import assert from "node:assert/strict";
import { test } from "node:test";
import { eventIdOf } from "../../src/core/record.ts";
import type { KafkaRecord } from "../../src/core/sink.ts";
import { eventually } from "../support/eventually.ts";
import { createMemorySink } from "../support/memorySink.ts";
import { beginRelay, bodyOf, keep, memoryJournal, topicOf } from "../support/relays.ts";

const finished = topicOf("finished");
const started = topicOf("started");
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

test("P1: the relay ends in time while the journal of a parked topic cannot be opened", async () => {
  const sink = createMemorySink();
  const journal = memoryJournal();
  const { stop } = beginRelay({ journal, sink, openLaneJournal: never, parkedTopics: [finished] });
  keep(journal, bodyOf("finished", "e-1", 1));
  await stop();
  assert.equal(journal.status().pendingRecords, 1);
});
