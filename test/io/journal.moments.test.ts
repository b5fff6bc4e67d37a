import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { openCursor, placeBytes, readPlace, writeCursor } from "../../src/io/journal/cursor.ts";
import { type File, type Files, realFiles } from "../../src/io/journal/files.ts";
import { writeMarks } from "../../src/io/journal/skipped.ts";
import { recallRepeats } from "../../src/recall.ts";
import { withBadPage } from "../support/badPages.ts";
import { fillJournal, newDirectory } from "../support/directories.ts";
import { drive, mockTimers } from "../support/drive.ts";
import {
  arrivalOf,
  arrivalsTo,
  bodiesOf,
  mustAppend,
  numbersTo,
  openOrFail,
  readAll,
} from "../support/journals.ts";
import { createModelFiles, systemError } from "../support/modelFiles.ts";

// A disk that fails for a moment, at the worst one: what it holds is there afterwards, and nothing may be taken for gone.

/** Files whose reads are what `reading` makes of them. */
const filesThatRead = (reading: (file: File) => File["read"], others: Partial<Files> = {}): Files => ({
  ...realFiles,
  ...others,
  openToRead: async (path) => {
    const file = await realFiles.openToRead(path);
    return { ...file, read: reading(file) };
  },
});

/** Of 200 callbacks on a disk that begins to fail when they are to be read, each is given out once it works again. */
const assertNothingIsLost = async (t: TestContext, files: Files, beginToFail: () => void): Promise<void> => {
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, arrivalsTo(200, 1000));
  mockTimers(t);
  const { journal, told } = await openOrFail({ files, directory });
  t.after(() => journal[Symbol.asyncDispose]());
  beginToFail();
  const bodies: string[] = [];
  while (bodies.length < 200 && told.missing === 0)
    bodies.push(...bodiesOf(await drive(journal.read({ entries: 500, bytes: 1e9 }))));
  assert.deepEqual([bodies, told.missing, told.damaged], [numbersTo(200), 0, []]);
};

for (const [how, code] of [
  ["", "EIO"],
  [" and full", "ENOSPC"],
] as const) {
  test(`P1: while a disk is out${how}, what memory still holds of a segment does not make the rest of it damaged`, async (t) => {
    const disk = { isOut: false, refused: 0 };
    const refuse = async <T>(work: () => Promise<T>, reason = "EIO"): Promise<T> => {
      if (!disk.isOut) return work();
      disk.refused += 1;
      // Then it is back.
      if (disk.refused > 500) disk.isOut = false;
      throw systemError(reason, "read");
    };
    const files = filesThatRead(
      (file) => (into, position) =>
        // The first two pages are in memory.
        position + into.length <= 8192 + 64
          ? file.read(into, position)
          : refuse(() => file.read(into, position)),
      {
        // A file system that is full says so without a look at the disk.
        create: (path) => refuse(() => realFiles.create(path), code),
        openToUpdate: async (path) => {
          const file = await realFiles.openToUpdate(path);
          return { ...file, sync: () => refuse(() => file.sync()) };
        },
      },
    );
    await assertNothingIsLost(t, files, () => {
      disk.isOut = true;
    });
    assert.ok(disk.refused > 100);
  });
}

for (const failing of [21, 22, 31, 50, 72, 100]) {
  test(`P1: a disk that refuses ${failing} reads and comes back has lost nothing that waits on it`, async (t) => {
    const disk = { failing: 0 };
    const files = filesThatRead((file) => (into, position) => {
      if (disk.failing === 0) return file.read(into, position);
      disk.failing -= 1;
      return Promise.reject(systemError("EIO", "read"));
    });
    await assertNothingIsLost(t, files, () => {
      disk.failing = failing;
    });
  });
}

test("P1: callbacks that come do not use up the tries of a page that cannot be read for a moment", async (t) => {
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, arrivalsTo(200, 1000));
  mockTimers(t);
  const disk = { isBad: false };
  const files = withBadPage(20, /0001\.journal$/, () => disk.isBad);
  const { journal, told } = await openOrFail({ files, directory });
  t.after(() => journal[Symbol.asyncDispose]());
  disk.isBad = true;
  const reading = journal.read({ entries: 500, bytes: 1e9 });
  while (told.failed.length === 0) await turn();
  for (let number = 201; number <= 225; number += 1) {
    mustAppend(journal, arrivalOf(number, 1000));
    await turn();
  }
  assert.deepEqual(told.failed, ["read EIO"], "no time has passed");
  disk.isBad = false;
  const first = bodiesOf(await drive(reading));
  assert.deepEqual([...first, ...bodiesOf(await readAll(journal))], numbersTo(225));
  assert.deepEqual([told.missing, told.damaged], [0, []]);
});

for (const [what, refused] of [
  ["one place", [2]],
  ["both places", [1, 2]],
] as const) {
  test(`P1: with ${what} of the cursor unreadable at one start, what that bridge stores is there at the next one`, async (t) => {
    const model = createModelFiles();
    await model.files.makeDirectory("/journal");
    // Far ahead of the segments, as after a power cut in health: there are none.
    const cursor = await openCursor(model.files, "/journal");
    for (const sequence of [30, 61]) await writeCursor(cursor, sequence);
    await cursor.file.close();
    let reads = 0;
    model.fault = (operation, path) => {
      if (operation === "read" && path === "/journal/cursor") reads += 1;
      else return null;
      return refused.some((number) => number === reads) ? "EIO" : null;
    };
    const { journal } = await openOrFail({ files: model.files });
    for (const number of [1, 2, 3, 4])
      assert.ok((await journal.stored(mustAppend(journal, arrivalOf(number)))).ok);
    await journal[Symbol.asyncDispose]();
    const { journal: next } = await openOrFail({ files: model.restart("kill").files });
    t.after(() => next[Symbol.asyncDispose]());
    assert.deepEqual(bodiesOf(await readAll(next)), numbersTo(4));
  });
}

test("P10: the cursor of a new journal needs no more room later than it has from the start", async (t) => {
  const { files, contents } = createModelFiles();
  const { journal } = await openOrFail({ files });
  t.after(() => journal[Symbol.asyncDispose]());
  assert.equal(contents("/journal/cursor")?.length, 2 * placeBytes);
});

test("P1: two that write the cursor at a time write one place after the other, and none goes back", async () => {
  const { files } = createModelFiles();
  const cursor = await openCursor(files, "/journal");
  await Promise.all([61, 30].map((sequence) => writeCursor(cursor, sequence)));
  const places = [await readPlace(cursor.file, 0), await readPlace(cursor.file, placeBytes)];
  assert.deepEqual([...places, cursor.durable], [61, 61, 61]);
});

test("P3: a place of the cursor that the disk gives out no more, but takes, ends no start", async (t) => {
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, arrivalsTo(3, 1000));
  let isBad = true;
  const openToUpdate: Files["openToUpdate"] = async (path) => {
    const file = await realFiles.openToUpdate(path);
    return {
      ...file,
      read: (into, position) =>
        isBad && position === 0 ? Promise.reject(systemError("EIO", "read")) : file.read(into, position),
      write: (bytes, position) => {
        // A part of a block is read before it is written.
        if (position === 0 && bytes.length < 4096) return Promise.reject(systemError("EIO", "write"));
        isBad = false;
        return file.write(bytes, position);
      },
    };
  };
  const { journal } = await openOrFail({ files: { ...realFiles, openToUpdate }, directory });
  t.after(() => journal[Symbol.asyncDispose]());
  assert.deepEqual(bodiesOf(await readAll(journal)), numbersTo(3));
});

for (const how of ["cannot be read for a moment", "is damaged"]) {
  test(`P1, P7: what was skipped from a lane is no repeat of itself where the main journal's list ${how}`, async (t) => {
    const before = createModelFiles();
    const { journal } = await openOrFail({ files: before.files });
    const entry = mustAppend(journal, arrivalOf(7));
    await journal.read({ entries: 1, bytes: 1e6 });
    assert.ok((await journal.stored(entry)).ok);
    // It has moved to the lane of its topic.
    journal.release(1);
    await journal[Symbol.asyncDispose]();
    const model = before.restart("kill");
    const { sequence, arrival } = entry;
    await writeMarks(model.files, "/journal", [{ sequence, eventId: arrival.eventId }]);
    const bytes = Buffer.from(model.contents("/journal/skipped") ?? []);
    if (how === "is damaged") model.damage("/journal/skipped", bytes.fill(1, 3, 4));
    else
      model.fault = (operation, path) => (operation === "read" && path === "/journal/skipped" ? "EIO" : null);
    const { journal: next, told } = await openOrFail({
      files: model.files,
      clock: () => arrival.receivedAt,
    });
    t.after(() => next[Symbol.asyncDispose]());
    const closing = new AbortController().signal;
    const repeats = await recallRepeats({ retained: next.retained, windowMs: 1e15, closing });
    assert.equal(repeats.firstOf(arrival.eventId, "finished"), undefined);
    assert.equal(told.failed.length, 1, "and it is told");
  });
}

test("P1: a directory that comes back just before it is looked for has lost no segment", async (t) => {
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, arrivalsTo(100, 1000));
  let isAway = false;
  const openToRead: Files["openToRead"] = async (path) => {
    if (!isAway) return realFiles.openToRead(path);
    isAway = false;
    await rename(directory, `${directory}.away`);
    try {
      return await realFiles.openToRead(path);
    } finally {
      await rename(`${directory}.away`, directory);
    }
  };
  const { journal, told } = await openOrFail({ files: { ...realFiles, openToRead }, directory });
  t.after(() => journal[Symbol.asyncDispose]());
  isAway = true;
  assert.deepEqual(bodiesOf(await readAll(journal)), numbersTo(100));
  assert.equal(told.missing, 0);
});
