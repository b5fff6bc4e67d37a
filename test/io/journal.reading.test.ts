import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { segmentFileName, segmentHeaderBytes } from "../../src/core/segment.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { pageBytes, withBadPage } from "../support/badPages.ts";
import { fillJournal, newDirectory } from "../support/directories.ts";
import { drive, mockTimers } from "../support/drive.ts";
import { arrivalOf, bodiesOf, mustAppend, openOrFail, readAll, tryOpen } from "../support/journals.ts";
import { createModelFiles } from "../support/modelFiles.ts";

const numbers = [1, 2, 3, 4, 5];
const batch = { entries: 100, bytes: 1_000_000 };

test("P1: a disk that cannot be read for a moment costs no callback and counts as no damage", async (t) => {
  let model = createModelFiles();
  const { journal } = await openOrFail({ files: model.files });
  t.after(() => journal[Symbol.asyncDispose]());
  const entries = numbers.map((number) => mustAppend(journal, arrivalOf(number)));
  await Promise.all(entries.map((entry) => journal.stored(entry)));
  model = model.restart("kill");

  const { journal: next, told } = await openOrFail({ files: model.files });
  t.after(() => next[Symbol.asyncDispose]());
  let failing = 3;
  model.fault = (operation) => (operation === "read" && failing-- > 0 ? "EIO" : null);
  assert.deepEqual(bodiesOf(await next.read(batch)), numbers.map(String));
  assert.deepEqual(told.damaged, []);
  assert.equal(told.missing, 0);
  assert.deepEqual(
    told.failed,
    Array.from({ length: 3 }, () => "read EIO"),
  );
});

/** A journal of one segment, some pages long, whose last page holds whole callbacks. */
const severalPages = async (t: TestContext): Promise<string> => {
  const directory = await newDirectory(t);
  const { journal } = await openOrFail({ directory, files: realFiles });
  for (const number of numbers) mustAppend(journal, arrivalOf(number, 3000));
  await journal[Symbol.asyncDispose]();
  return directory;
};

/** The segment ends at 4160 + 5 × 3047 bytes. */
const lastPage = 4;

test("P1: a page at the end of the last segment that cannot be read for a moment is no torn end", async (t) => {
  const directory = await severalPages(t);
  let failing = 3;
  const files = withBadPage(lastPage, /\.journal$/, () => failing-- > 0);
  const { journal, told } = await openOrFail({ directory, files });
  assert.deepEqual(bodiesOf(await readAll(journal)), numbers.map(String));
  assert.deepEqual(told.damaged, []);
  await journal[Symbol.asyncDispose]();
});

test("P1: while the end of the last segment cannot be read the journal does not open, and is left as it is", async (t) => {
  const directory = await severalPages(t);
  const { opened, told } = await tryOpen({ directory, files: withBadPage(lastPage, /\.journal$/) });
  assert.ok(!opened.ok && opened.code === "journal-unusable", JSON.stringify(opened));
  assert.match(opened.detail, /EIO/);
  assert.deepEqual(told.damaged, []);
  const { journal } = await openOrFail({ directory, files: realFiles });
  assert.deepEqual(bodiesOf(await readAll(journal)), numbers.map(String));
  await journal[Symbol.asyncDispose]();
});

test("P3: behind a bad sector the reader goes on, also where Kafka had all that is in front of it", async (t) => {
  const directory = await newDirectory(t);
  const place = { directory, memoryBytes: 2 ** 26, segmentBytes: 2 ** 26 };
  const { journal } = await openOrFail({ ...place, files: realFiles });
  // 42 bytes each: more than one step of the reader.
  for (let number = 0; number < 40_000; number += 1) mustAppend(journal, arrivalOf(number, 1));
  for (const entry of await journal.read({ entries: 40_000, bytes: 1e9 }))
    entry.settle({ event: "finished" });
  journal.release(40_000);
  await journal[Symbol.asyncDispose]();
  await writeFile(join(directory, "cursor"), Buffer.alloc(8192, 7));

  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const { journal: next, told } = await openOrFail({ ...place, files: withBadPage(300, /0001\.journal$/) });
  t.after(() => next[Symbol.asyncDispose]());
  const reading = next.read(batch);
  mustAppend(next, arrivalOf(40_000));
  for (const begun = performance.now(); told.damaged.length === 0 && performance.now() - begun < 60_000;) {
    t.mock.timers.tick(20);
    await turn();
  }
  assert.deepEqual(bodiesOf(await reading), ["40000"]);
  assert.equal(told.damaged.length, 1);
});

type Filled = { readonly count: number; readonly bytes: number; readonly bad: number };

/** A first segment of `count` callbacks of so many bytes, whose file has a bad page, and a second segment of one more. */
const readPastBadPage = async (t: TestContext, { count, bytes, bad }: Filled) => {
  const directory = await newDirectory(t);
  const all = Array.from({ length: count }, (_, i) => arrivalOf(i, bytes));
  await fillJournal(directory, all);
  await fillJournal(directory, [arrivalOf(count)]);
  const size = (await stat(join(directory, segmentFileName(1)))).size;
  const frame = (size - segmentHeaderBytes) / count;
  const isHit = (i: number): boolean => {
    const start = segmentHeaderBytes + i * frame;
    return start < (bad + 1) * pageBytes && start + frame > bad * pageBytes;
  };
  const whole = Array.from({ length: count + 1 }, (_, i) => i).filter((i) => i === count || !isHit(i));
  mockTimers(t);
  const { journal, told } = await openOrFail({ directory, files: withBadPage(bad, /0001\.journal$/) });
  t.after(() => journal[Symbol.asyncDispose]());
  const bodies: string[] = [];
  while (!bodies.includes(`${count}`)) bodies.push(...bodiesOf(await drive(journal.read(batch))));
  return { bodies, told, whole: whole.map(String), lost: count + 1 - whole.length };
};

test("P1: a bad page of a backlog costs the callbacks that lie on it, and no others", async (t) => {
  const { bodies, told, whole, lost } = await readPastBadPage(t, { count: 200, bytes: 1000, bad: 20 });
  assert.deepEqual([bodies, told.missing], [whole, lost]);
  assert.ok(lost > 0 && lost <= 6);
});

test("P10: a bad page at the end of a small segment does not hold up what is behind it", async (t) => {
  const { bodies, told, whole, lost } = await readPastBadPage(t, { count: 2, bytes: 2953, bad: 2 });
  assert.deepEqual([bodies, told.missing], [whole, lost]);
  assert.equal(lost, 1);
});

test("P10: a segment that begins and ends on a bad page does not hold up what is behind it", async (t) => {
  const { bodies, told, whole, lost } = await readPastBadPage(t, { count: 2, bytes: 1000, bad: 1 });
  assert.deepEqual([bodies, told.missing], [whole, lost]);
  assert.equal(lost, 2);
});

test("P1: a bad page right in front of the last callback does not end the start", async (t) => {
  const directory = await newDirectory(t);
  // The first one fills the second page to its end.
  await fillJournal(directory, [arrivalOf(1, 2 * pageBytes - segmentHeaderBytes - 47), arrivalOf(2)]);
  mockTimers(t);
  const { journal, told } = await openOrFail({ directory, files: withBadPage(1, /\.journal$/) });
  t.after(() => journal[Symbol.asyncDispose]());
  const bodies = bodiesOf(await drive(journal.read(batch)));
  assert.deepEqual([bodies, told.missing], [["2"], 1]);
});
