import assert from "node:assert/strict";
import { test } from "node:test";
import { JournalEntry } from "../../src/core/entry.ts";
import { eventIdOf } from "../../src/core/record.ts";
import { createRepeats } from "../../src/core/repeats.ts";
import { openMemoryJournal } from "../../src/io/memory-journal.ts";
import { arrivalOf, mustAppend } from "../support/journals.ts";

const at = (windowMs: number) => {
  const time = { now: 1_000_000 };
  return { time, repeats: createRepeats({ windowMs, clock: () => time.now }) };
};
const idOf = (name: string | number): string => eventIdOf(Buffer.from(String(name)));
const finished = { event: "envelope-finished", repeat: true };

test("P7: what settled is recognised inside the window and not after it", async () => {
  const { time, repeats } = at(1000);
  repeats.settled(idOf("a"), time.now, true);
  assert.deepEqual(await repeats.firstOf(idOf("a"), "envelope-finished"), finished);
  assert.equal(repeats.firstOf(idOf("b"), "envelope-finished"), undefined);
  time.now += 999;
  assert.notEqual(repeats.firstOf(idOf("a"), "envelope-finished"), undefined);
  time.now += 1;
  assert.equal(repeats.firstOf(idOf("a"), "envelope-finished"), undefined);
});

test("P7: a repeat of one under way ends as the first one does, and so does one behind it, though that became a dead letter", async () => {
  const { repeats } = at(1000);
  const entry = mustAppend(openMemoryJournal({ maxBytes: 10_000 }), arrivalOf(1));
  const { eventId } = entry.arrival;
  repeats.begin(entry);
  const first = repeats.firstOf(eventId, "envelope-finished");
  entry.settle({ event: "dead-letter" });
  assert.deepEqual(await first, { event: "dead-letter", repeat: true });
  repeats.settled(eventId, entry.arrival.receivedAt, false);
  assert.notEqual(repeats.firstOf(eventId, "envelope-finished"), undefined);
});

test("P3: with a window of 0 nothing is a repeat", () => {
  const { time, repeats } = at(0);
  const entry = mustAppend(openMemoryJournal({ maxBytes: 10_000 }), arrivalOf(1));
  repeats.begin(entry);
  repeats.settled(idOf("a"), time.now, true);
  assert.equal(repeats.firstOf(idOf("a"), "envelope-finished"), undefined);
  assert.equal(repeats.firstOf(entry.arrival.eventId, "envelope-finished"), undefined);
});

test("P7: a clock that jumps back forgets nothing, one that jumps forward forgets all", () => {
  const { time, repeats } = at(1000);
  repeats.settled(idOf("a"), time.now, true);
  time.now -= 3_600_000;
  repeats.settled(idOf("b"), time.now, true);
  assert.notEqual(repeats.firstOf(idOf("a"), "envelope-finished"), undefined);
  assert.notEqual(repeats.firstOf(idOf("b"), "envelope-finished"), undefined);
  time.now += 90_000_000;
  assert.equal(repeats.firstOf(idOf("a"), "envelope-finished"), undefined);
  assert.equal(repeats.firstOf(idOf("b"), "envelope-finished"), undefined);
});

test("P9: at least the last 200,000 are known, at most 400,000, and one that settled again counts from then", () => {
  const { time, repeats } = at(1000);
  const settle = (from: number, count: number): void => {
    for (let i = from; i < from + count; i += 1) repeats.settled(idOf(i), time.now, true);
  };
  const isKnown = (name: string): boolean => repeats.firstOf(idOf(name), "envelope-finished") !== undefined;
  repeats.settled(idOf("again"), time.now, true);
  repeats.settled(idOf("old"), time.now, true);
  settle(0, 199_998);
  repeats.settled(idOf("again"), time.now, true);
  settle(200_000, 199_999);
  assert.ok(isKnown("again") && isKnown("old"));
  repeats.settled(idOf("last"), time.now, true);
  assert.ok(isKnown("again") && isKnown("200000") && !isKnown("old") && !isKnown("0"));
});

test("P7: one that is under way is known however many settle meanwhile, and its end counts from then", async () => {
  const { time, repeats } = at(1000);
  const entry = mustAppend(openMemoryJournal({ maxBytes: 10_000 }), arrivalOf(1));
  const { eventId, receivedAt } = entry.arrival;
  const settleMany = (from: number): void => {
    for (let i = from; i < from + 199_999; i += 1) repeats.settled(idOf(i), time.now, true);
  };
  repeats.begin(entry);
  settleMany(0);
  settleMany(200_000);
  settleMany(400_000);
  settleMany(600_000);
  const repeat = repeats.firstOf(eventId, "envelope-finished");
  entry.settle(finished);
  repeats.settled(eventId, receivedAt, true);
  assert.deepEqual(await repeat, { ...finished, repeat: true });
  settleMany(800_000);
  assert.notEqual(repeats.firstOf(eventId, "envelope-finished"), undefined);
});

test("P9: one that was under way and has settled is forgotten in its turn", () => {
  const { time, repeats } = at(1000);
  const entry = mustAppend(openMemoryJournal({ maxBytes: 10_000 }), arrivalOf(1));
  const { eventId, receivedAt } = entry.arrival;
  repeats.begin(entry);
  repeats.settled(eventId, receivedAt, true);
  for (let i = 0; i < 600_000; i += 1) repeats.settled(idOf(i), time.now, true);
  assert.equal(repeats.firstOf(eventId, "envelope-finished"), undefined);
});

test("P9: the last 200,000 are known beside as many that are under way", () => {
  const { time, repeats } = at(1000);
  const arrival = arrivalOf(1);
  for (let i = 0; i < 200_000; i += 1)
    repeats.begin(new JournalEntry({ ...arrival, eventId: idOf(`begun ${i}`) }, i));
  for (let i = 0; i < 200_001; i += 1) repeats.settled(idOf(i), time.now, true);
  repeats.settled(idOf("last"), time.now, true);
  for (const name of ["begun 0", "begun 199999", "2", "200000", "last"])
    assert.notEqual(repeats.firstOf(idOf(name), "envelope-finished"), undefined, name);
});

test("P2: to remember one more costs no more when very many are known", () => {
  const { time, repeats } = at(1000);
  const settle = (from: number): number => {
    const begun = performance.now();
    for (let i = from; i < from + 200_000; i += 1) repeats.settled(idOf(i), time.now, true);
    return performance.now() - begun;
  };
  const few = settle(0);
  for (let i = 1; i < 5; i += 1) settle(i * 200_000);
  assert.ok(settle(1_000_000) < 20 * few + 1000);
});
