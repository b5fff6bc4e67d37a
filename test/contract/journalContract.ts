import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Journal } from "../../src/core/journal.ts";
import { arrivalOf, bodiesOf, mustAppend, readAll } from "../support/journals.ts";

/** Opens an empty journal that takes at most `maxBytes`; the test disposes of it. */
export type OpenForContract = (
  t: TestContext,
  limits: { readonly maxBytes: number },
) => Promise<Journal> | Journal;

const roomy = { maxBytes: 8 * 1024 * 1024 };
const batch = { entries: 100, bytes: 1024 * 1024 };

const fill = (journal: Journal, from: number, to: number): void => {
  for (let number = from; number <= to; number += 1) mustAppend(journal, arrivalOf(number));
};

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

/** What every journal promises, whatever it keeps its callbacks in. */
export const testJournal = (name: string, open: OpenForContract): void => {
  test(`P6: ${name}: callbacks are read in the order of their appending, each once, as they were`, async (t) => {
    await using journal = await open(t, roomy);
    const entries = Array.from({ length: 250 }, (_, i) => mustAppend(journal, arrivalOf(i, 50 + i)));
    const first = await journal.read(batch);
    assert.equal(first.length, 100);
    const rest = await readAll(journal);
    const read = [...first, ...rest];
    assert.deepEqual(
      read.map(({ arrival }) => arrival),
      entries.map(({ arrival }) => arrival),
    );
    assert.deepEqual(
      read.map(({ sequence }) => sequence),
      entries.map((_, i) => (entries[0]?.sequence ?? 0) + i),
    );
  });

  test(`P9: ${name}: a batch keeps to its limits, but always has one callback`, async (t) => {
    await using journal = await open(t, roomy);
    for (const [i, bytes] of [100, 100, 100, 5000, 100].entries()) mustAppend(journal, arrivalOf(i, bytes));
    assert.equal((await journal.read({ entries: 2, bytes: 10_000 })).length, 2);
    assert.equal((await journal.read({ entries: 10, bytes: 150 })).length, 1);
    assert.equal((await journal.read({ entries: 10, bytes: 1 })).length, 1, "larger than the limit");
    assert.equal((await journal.read(batch)).length, 1);
  });

  test(`${name}: a reader waits for the first callback, and only one may wait`, async (t) => {
    await using journal = await open(t, roomy);
    const reading = journal.read(batch);
    await assert.rejects(journal.read(batch), /two reads/);
    mustAppend(journal, arrivalOf(1));
    assert.deepEqual(bodiesOf(await reading), ["1"]);
  });

  test(`P10: ${name}: a reader that is not to wait gets what there is, or nothing`, async (t) => {
    await using journal = await open(t, roomy);
    assert.deepEqual(await journal.read({ ...batch, wait: false }), []);
    mustAppend(journal, arrivalOf(1));
    assert.deepEqual(bodiesOf(await journal.read({ ...batch, wait: false })), ["1"]);
    assert.deepEqual(await journal.read({ ...batch, wait: false }), []);
  });

  test(`${name}: what the reader settles the appender hears of`, async (t) => {
    await using journal = await open(t, roomy);
    const appended = [1, 2, 3].map((number) => mustAppend(journal, arrivalOf(number)));
    for (const entry of await journal.read(batch)) entry.settle({ event: `event ${entry.sequence}` });
    for (const { settled, sequence } of appended) assert.equal((await settled).event, `event ${sequence}`);
  });

  test(`P8: ${name}: its status counts what is not released, and knows the oldest of it`, async (t) => {
    await using journal = await open(t, roomy);
    assert.equal(journal.status().pendingRecords, 0);
    assert.equal(journal.status().oldestPendingAt, null);
    fill(journal, 1, 5);
    assert.equal(journal.status().pendingRecords, 5);
    assert.ok(journal.status().bytes > 500);
    assert.equal(journal.status().oldestPendingAt, arrivalOf(1).receivedAt);
    await journal.read({ entries: 3, bytes: 10_000 });
    assert.equal(journal.status().pendingRecords, 5, "read is not released");
    journal.release(2);
    assert.equal(journal.status().pendingRecords, 3);
    assert.equal(journal.status().oldestPendingAt, arrivalOf(3).receivedAt);
    assert.throws(() => journal.release(2), RangeError, "more than were read");
    await journal.read(batch);
    journal.release(3);
    assert.equal(journal.status().pendingRecords, 0);
    assert.equal(journal.status().oldestPendingAt, null);
  });

  test(`P9: ${name}: at its limit it refuses, loses nothing, and takes again what it has room for`, async (t) => {
    await using journal = await open(t, { maxBytes: 40_000 });
    let taken = 0;
    for (let round = 0; round < 3; round += 1) {
      const before = taken;
      let refused = "";
      for (let i = 0; refused === "" && i < 1000; i += 1) {
        const appended = journal.append(arrivalOf(taken + 1, 200));
        if (appended.ok) taken += 1;
        else refused = appended.code;
      }
      assert.equal(refused, "journal-full");
      assert.ok(taken > before);
      assert.equal(journal.status().pendingRecords, taken - before, "the refused one was not taken");
      const read: string[] = [];
      while (read.length < taken - before) read.push(...bodiesOf(await journal.read(batch)));
      assert.deepEqual(read, numbers(before + 1, taken));
      journal.release(read.length);
      await t.waitFor(
        () => {
          const appended = journal.append(arrivalOf(taken + 1, 200));
          assert.ok(appended.ok);
        },
        { timeout: 5000 },
      );
      await journal.read(batch);
      journal.release(1);
      taken += 1;
    }
  });

  test(`${name}: closed, it wakes its reader, gives out the rest and then empty batches`, async (t) => {
    await using journal = await open(t, roomy);
    const reading = journal.read(batch);
    journal.close();
    assert.deepEqual(await reading, []);
    fill(journal, 1, 3);
    assert.deepEqual(bodiesOf(await journal.read(batch)), ["1", "2", "3"]);
    assert.deepEqual(await journal.read(batch), []);
  });

  test(`P1: ${name}: says stored only when it is durable`, async (t) => {
    await using journal = await open(t, roomy);
    const entries = [1, 2, 3].map((number) => mustAppend(journal, arrivalOf(number)));
    const stored = await Promise.all(entries.map((entry) => journal.stored(entry)));
    for (const one of stored) {
      assert.equal(one.ok, journal.durable);
      assert.equal(one.ok, journal.durable);
    }
  });

  test(`${name}: after its end it takes nothing, and may be ended twice`, async (t) => {
    const journal = await open(t, roomy);
    fill(journal, 1, 2);
    await journal[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
    const appended = journal.append(arrivalOf(3));
    assert.equal(appended.ok ? "taken" : appended.code, "journal-failed");
  });
};
