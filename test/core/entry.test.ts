import assert from "node:assert/strict";
import { test } from "node:test";
import { JournalEntry } from "../../src/core/entry.ts";
import { arrivalOf } from "../support/journals.ts";

const first = { event: "envelope-finished" };

test("an entry tells how it ended whether it is asked before or afterwards, and the first end counts", async () => {
  const entry = new JournalEntry(arrivalOf(1), 1);
  const before = entry.settled;
  entry.settle(first);
  entry.settle({ event: "dead-letter" });
  assert.deepEqual([await before, await entry.settled], [first, first]);
  const unasked = new JournalEntry(arrivalOf(2), 2);
  unasked.settle(first);
  unasked.settle({ event: "dead-letter" });
  assert.deepEqual(await unasked.settled, first);
});

test("an entry read again ends as the one that was appended, for whoever waits there", async () => {
  const appended = new JournalEntry(arrivalOf(1), 1);
  assert.equal(appended.outcome.isAwaited, false);
  const { settled } = appended;
  assert.equal(appended.outcome.isAwaited, true);
  new JournalEntry(appended.arrival, 1, appended.outcome).settle(first);
  assert.deepEqual(await settled, first);
});
