import assert from "node:assert/strict";
import { constants, existsSync, statfsSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { segmentFileName } from "../../src/core/segment.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { arrivalOf, bodiesOf, mustAppend, openOrFail, readAll, tryOpen } from "../support/journals.ts";
import { createModelFiles } from "../support/modelFiles.ts";

test("P1: what nobody waited for is not said to be stored by the sync of what comes behind it", async (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const model = createModelFiles(seed);
    const { journal } = await openOrFail({ files: model.files, directory: "journal" });
    t.after(() => journal[Symbol.asyncDispose]());
    const written = () => model.contents(`journal/${segmentFileName(1)}`)?.length ?? 0;
    assert.ok((await journal.stored(mustAppend(journal, arrivalOf(1)))).ok);
    const before = written();
    const unasked = mustAppend(journal, arrivalOf(2));
    await eventually(() => written() > before);
    assert.ok((await journal.stored(mustAppend(journal, arrivalOf(3)))).ok);
    assert.ok((await journal.stored(unasked)).ok);
    const { journal: next } = await openOrFail({
      files: model.restart("power").files,
      directory: "journal",
    });
    t.after(() => next[Symbol.asyncDispose]());
    assert.deepEqual(bodiesOf(await readAll(next)), ["1", "2", "3"]);
  }
});

for (const [where, segmentBytes, bytes] of [
  ["several writes", 2 ** 24, 600_000],
  ["several segments", 6000, 800],
] as const)
  test(`P1: what is waiting when the bridge ends survives a power cut, also in ${where}`, async (t) => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const model = createModelFiles(seed);
      const { journal } = await openOrFail({ files: model.files, segmentBytes });
      assert.ok((await journal.stored(mustAppend(journal, arrivalOf(1)))).ok);
      // The flush that has stored it ends: what comes now is left to the last one.
      for (let turns = 0; turns < 10; turns += 1) await turn();
      for (let number = 2; number <= 5; number += 1) mustAppend(journal, arrivalOf(number, bytes));
      await journal[Symbol.asyncDispose]();
      const { journal: next } = await openOrFail({ files: model.restart("power").files });
      t.after(() => next[Symbol.asyncDispose]());
      assert.deepEqual(bodiesOf(await readAll(next)), ["1", "2", "3", "4", "5"]);
    }
  });

test("P6: of several writes that somebody waits for, a power cut leaves no newer one without the older", async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const model = createModelFiles(seed);
    const { journal } = await openOrFail({ files: model.files, segmentBytes: 2 ** 24 });
    assert.ok((await journal.stored(mustAppend(journal, arrivalOf(1)))).ok);
    for (let turns = 0; turns < 10; turns += 1) await turn();
    const numbers = [2, 3, 4, 5, 6, 7];
    const entries = numbers.map((number) => mustAppend(journal, arrivalOf(number, 600_000)));
    model.fault = (operation, path) => (operation === "sync" && path.endsWith(".journal") ? "cut" : null);
    await Promise.all(entries.map((entry) => journal.stored(entry)));
    await journal[Symbol.asyncDispose]();
    const { journal: next } = await openOrFail({ files: model.restart("power").files });
    const bodies = bodiesOf(await readAll(next));
    await next[Symbol.asyncDispose]();
    assert.deepEqual(bodies, ["1", "2", "3", "4", "5", "6", "7"].slice(0, bodies.length), `seed ${seed}`);
  }
});

test("P1: a cursor that a killed bridge has left unsynced is not lost when the power fails in its next life", async (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const model = createModelFiles(seed);
    const isBegun = () => (model.contents("/journal/cursor")?.length ?? 0) > 0;
    model.fault = (operation, path) =>
      operation === "sync" && path === "/journal/cursor" && isBegun() ? "cut" : null;
    const { opened: killed } = await tryOpen({ files: model.files });
    if (killed.ok) t.after(() => killed.value[Symbol.asyncDispose]());
    const left = model.restart("kill");
    const { journal } = await openOrFail({ files: left.files });
    t.after(() => journal[Symbol.asyncDispose]());
    assert.ok((await journal.stored(mustAppend(journal, arrivalOf(1)))).ok);
    const { journal: next, told } = await openOrFail({ files: left.restart("power").files });
    t.after(() => next[Symbol.asyncDispose]());
    assert.equal(told.cursorLost, 0);
  }
});

/** The open flags of each descriptor that this process has on the file. */
const flagsOf = async (path: string): Promise<number[]> => {
  const flags: number[] = [];
  for (const fd of await readdir("/proc/self/fd")) {
    // The one of the listing is closed by now.
    if ((await readlink(`/proc/self/fd/${fd}`).catch(() => null)) !== path) continue;
    const info = await readFile(`/proc/self/fdinfo/${fd}`, "utf8");
    flags.push(Number.parseInt(/^flags:\s*(\d+)/m.exec(info)?.[1] ?? "", 8));
  }
  return flags;
};

const ext4 = 0xef53;
const tmpfs = 0x01021994;
const typeOf = (directory: string): number | null =>
  existsSync(directory) ? statfsSync(directory).type : null;

for (const [what, folder, type, descriptors] of [
  ["ext4 is asked to have on the disk what it is told to write through", tmpdir(), ext4, 1],
  ["a file system that is not known for it is told to write and then to sync", "/dev/shm", tmpfs, 0],
] as const)
  test(
    `P1: ${what}`,
    { skip: typeOf(folder) === type ? false : `${folder} is on another file system` },
    async (t) => {
      const path = join(await newDirectory(t, folder), "file");
      const file = await realFiles.create(path);
      const through = (await flagsOf(path)).filter((flags) => (flags & constants.O_DSYNC) !== 0);
      assert.equal(through.length, descriptors);
      await file.write(Buffer.from("one "), 0);
      await file.writeThrough(Buffer.from("two"), 4);
      assert.equal(await file.size(), 7);
      await file.close();
      assert.equal(await readFile(path, "utf8"), "one two");
      assert.deepEqual(await flagsOf(path), []);
    },
  );
