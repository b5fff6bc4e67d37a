import assert from "node:assert/strict";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { segmentFileName } from "../../src/core/segment.ts";
import { type Files, realFiles } from "../../src/io/journal/files.ts";
import { countedFiles } from "../support/countedFiles.ts";
import { fillJournal, newDirectory } from "../support/directories.ts";
import { settle } from "../support/drive.ts";
import { eventually } from "../support/eventually.ts";
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

// A journal whose directory is not at its path, for a moment or because another one is there now.

test("P1, P8: a directory that is away for a moment, during a write that nobody waits for, is told, and callbacks are taken again within 2 s", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const model = createModelFiles();
  const disk = { isAway: false, write: Promise.withResolvers<void>(), isWriting: false };
  const files: Files = {
    ...model.files,
    create: async (path) => {
      const file = await model.files.create(path);
      const write: typeof file.write = async (bytes, position) => {
        disk.isWriting = true;
        await disk.write.promise;
        await file.write(bytes, position);
      };
      return { ...file, write };
    },
    lock: () => ({
      check: () => (disk.isAway ? Promise.reject(systemError("ESTALE", "stat")) : Promise.resolve()),
      release: () => undefined,
    }),
  };
  const { journal, told } = await openOrFail({ files });
  t.after(() => journal[Symbol.asyncDispose]());
  const tick = async (ms: number): Promise<void> => {
    t.mock.timers.tick(ms);
    await settle();
  };
  mustAppend(journal, arrivalOf(1));
  const [entry] = await journal.read({ entries: 1, bytes: 1e6 });
  entry?.settle({ event: "finished" });
  journal.release(1);
  await settle();
  for (let ms = 0; ms < 180; ms += 20) await tick(20);
  assert.ok(disk.isWriting);
  disk.isAway = true;
  await tick(20);
  disk.isAway = false;
  assert.ok(!journal.append(arrivalOf(2)).ok);
  disk.write.resolve();
  await settle();
  for (let ms = 0; ms < 2000 && !journal.append(arrivalOf(3)).ok; ms += 20) await tick(20);
  mustAppend(journal, arrivalOf(4));
  assert.deepEqual([told.failed, told.recovered], [["write ESTALE"], 1]);
});

/** Puts the directory away; another bridge stores three callbacks in a new one at its path. */
const replaceDirectory = async (t: TestContext, directory: string) => {
  await rename(directory, `${directory}.away`);
  const { journal } = await openOrFail({ files: realFiles, directory });
  t.after(() => journal[Symbol.asyncDispose]());
  for (const arrival of arrivalsTo(3)) assert.ok((await journal.stored(mustAppend(journal, arrival))).ok);
  return journal;
};

/** The other bridge ends, and the directory is at its path again. */
const restoreDirectory = async (directory: string, other: AsyncDisposable): Promise<void> => {
  await other[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
  await rename(`${directory}.away`, directory);
};

/** A bridge with a segment that it may remove as soon as its clock goes on. */
const openWithRetained = async (t: TestContext, others: Partial<Files> = {}) => {
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, arrivalsTo(3), { released: 3 });
  const time = { now: Date.now() };
  const { journal, told } = await openOrFail({
    files: { ...realFiles, ...others },
    directory,
    retentionMs: 1000,
    clock: () => time.now,
  });
  t.after(() => journal[Symbol.asyncDispose]());
  assert.ok((await journal.stored(mustAppend(journal, arrivalOf(4)))).ok);
  const pass = (): void => void (time.now += 10_000);
  const failures = (code: string): number =>
    told.failed.filter((failed) => failed === `write ${code}`).length;
  return { directory, pass, failures, told };
};

/** Each is a second's quarter: housekeeping was there meanwhile. */
const someFailures = 4;

test("P1: a segment of another bridge, in a new directory at the same path, stays where it is", async (t) => {
  const { directory, pass, failures } = await openWithRetained(t);
  const other = await replaceDirectory(t, directory);
  pass();
  await eventually(() => failures("ESTALE") >= someFailures);
  await other[Symbol.asyncDispose]();
  const { journal: next } = await openOrFail({ files: realFiles, directory });
  t.after(() => next[Symbol.asyncDispose]());
  assert.deepEqual(bodiesOf(await readAll(next)), numbersTo(3));
});

test("P1: so it does when the directory is replaced after housekeeping has looked at it", async (t) => {
  let replace: (() => Promise<void>) | null = null;
  const space: Files["space"] = async (directory) => {
    const replacing = replace;
    replace = null;
    await replacing?.();
    return realFiles.space(directory);
  };
  const { directory, pass, failures } = await openWithRetained(t, { space });
  replace = async () => {
    await replaceDirectory(t, directory);
    pass();
  };
  await eventually(() => failures("ESTALE") >= someFailures);
  assert.ok((await readdir(directory)).includes(segmentFileName(1)));
});

test("P9: a segment whose time has passed while its directory was away is removed when that is back", async (t) => {
  const { directory, pass, failures, told } = await openWithRetained(t);
  await rename(directory, `${directory}.away`);
  pass();
  await eventually(() => failures("ENOENT") >= someFailures);
  assert.equal(told.failed.length, failures("ENOENT"), told.failed.join());
  await rename(`${directory}.away`, directory);
  await eventually(async () => !(await readdir(directory)).includes(segmentFileName(1)), { withinMs: 5000 });
});

test("P3: a reader that finds the files of another bridge at its path passes nothing over", async (t) => {
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, arrivalsTo(40), { segmentBytes: 6000 });
  const { files, open } = countedFiles(realFiles);
  const { journal, told } = await openOrFail({ files, directory });
  t.after(() => journal[Symbol.asyncDispose]());
  const other = await replaceDirectory(t, directory);
  const reading = journal.read({ entries: 100, bytes: 1e6 });
  await eventually(() => told.failed.includes("read ESTALE") || told.missing > 0);
  await restoreDirectory(directory, other);
  assert.deepEqual(bodiesOf([...(await reading), ...(await readAll(journal))]), numbersTo(40));
  await journal[Symbol.asyncDispose]();
  assert.deepEqual([told.missing, told.damaged, open()], [0, [], 0]);
});

for (const [what, isBefore] of [
  ["whose directory is replaced just before it opens a file", true],
  ["whose own directory is back just after it has opened another bridge's file", false],
] as const)
  test(`P3: so does one ${what}`, async (t) => {
    const directory = join(await newDirectory(t), "journal");
    await fillJournal(directory, arrivalsTo(40), { segmentBytes: 6000 });
    const once: (() => Promise<void>)[] = [];
    const openToRead: Files["openToRead"] = async (path) => {
      if (isBefore) await once.pop()?.();
      const file = await realFiles.openToRead(path);
      if (!isBefore) await once.pop()?.();
      return file;
    };
    const { journal, told } = await openOrFail({ files: { ...realFiles, openToRead }, directory });
    t.after(() => journal[Symbol.asyncDispose]());
    const others: AsyncDisposable[] = [];
    const replace = async (): Promise<void> => void others.push(await replaceDirectory(t, directory));
    const restore = async (): Promise<void> => {
      for (const other of others.splice(0)) await restoreDirectory(directory, other);
    };
    if (!isBefore) await replace();
    once.push(isBefore ? replace : restore);
    const reading = journal.read({ entries: 100, bytes: 1e6 });
    await eventually(() => told.failed.includes("read ESTALE") || told.missing > 0);
    await restore();
    assert.deepEqual(bodiesOf([...(await reading), ...(await readAll(journal))]), numbersTo(40));
    assert.equal(told.missing, 0);
  });

test("P8: bytes that cannot be read are not looked for in another bridge's directory, and are told when ours is back", async (t) => {
  const directory = join(await newDirectory(t), "journal");
  await fillJournal(directory, arrivalsTo(5));
  const path = join(directory, segmentFileName(1));
  const bytes = await readFile(path);
  const at = bytes.indexOf(arrivalOf(3).body);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
  const { journal, told } = await openOrFail({ files: realFiles, directory });
  t.after(() => journal[Symbol.asyncDispose]());
  assert.deepEqual(bodiesOf(await journal.read({ entries: 1, bytes: 1e6 })), ["1"]);
  const other = await replaceDirectory(t, directory);
  const bodies: string[] = [];
  const reading = (async () => {
    while (bodies.length < 3) bodies.push(...bodiesOf(await journal.read({ entries: 100, bytes: 1e6 })));
  })();
  await eventually(() => told.failed.includes("read ESTALE") || told.damaged.length > 0);
  assert.ok(!(await readdir(directory)).includes("damaged"));
  await restoreDirectory(directory, other);
  await reading;
  assert.deepEqual(bodies, ["2", "4", "5"]);
  assert.equal(told.damaged.length, 1);
  assert.ok((await readdir(directory)).includes("damaged"));
});
