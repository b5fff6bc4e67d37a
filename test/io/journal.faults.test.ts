import assert from "node:assert/strict";
import fs from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { segmentFileName } from "../../src/core/segment.ts";
import { withBadPage } from "../support/badPages.ts";
import { countedFiles } from "../support/countedFiles.ts";
import { onDisk } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import {
  arrivalOf,
  arrivalsTo,
  bodiesOf,
  mustAppend,
  numbersTo,
  openOrFail,
  readAll,
  tryOpen,
} from "../support/journals.ts";
import { createModelFiles, systemError } from "../support/modelFiles.ts";

const batch = { entries: 100, bytes: 1024 * 1024 };

test("P1: a write whose sync fails once is refused, and within 2 s it goes on by itself; nothing is lost", async () => {
  const model = createModelFiles();
  const { journal, told } = await openOrFail({ files: model.files });
  const before = mustAppend(journal, arrivalOf(1));
  assert.ok((await journal.stored(before)).ok);
  let failures = 1;
  model.fault = (operation) => (operation === "sync" && failures-- > 0 ? "EIO" : null);
  const entry = mustAppend(journal, arrivalOf(2));
  const stored = await journal.stored(entry);
  assert.equal(stored.ok ? "stored" : stored.code, "journal-failed");
  assert.deepEqual(told.failed, ["write EIO"]);
  const refused = journal.append(arrivalOf(3));
  assert.equal(refused.ok ? "taken" : refused.code, "journal-failed");
  const after = await eventually(
    () => {
      const appended = journal.append(arrivalOf(4));
      assert.ok(appended.ok);
      return appended.value;
    },
    { withinMs: 2000 },
  );
  assert.ok((await journal.stored(after)).ok);
  assert.equal(told.recovered, 1);
  const { journal: next } = await openOrFail({ files: model.restart("power").files });
  assert.deepEqual(bodiesOf(await readAll(next)), ["1", "2", "4"]);
  await next[Symbol.asyncDispose]();
  await journal[Symbol.asyncDispose]();
});

test("P9: a small disk that its released callbacks have filled is freed, and taken again within 2 s", async () => {
  const model = createModelFiles();
  model.capacity = 50_000;
  const { journal } = await openOrFail({ files: model.files, minFreeBytes: 256 * 1024 * 1024 });
  let taken = 0;
  for (let round = 0; round < 3; round += 1) {
    await eventually(() => {
      let appended = journal.append(arrivalOf(taken + 1, 1000));
      for (let i = 0; appended.ok && i < 5; i += 1) {
        taken += 1;
        appended = journal.append(arrivalOf(taken + 1, 1000));
      }
      if (appended.ok) taken += 1;
      return !appended.ok;
    });
    while (journal.status().pendingRecords > 0) journal.release((await journal.read(batch)).length);
    await eventually(
      () => {
        const appended = journal.append(arrivalOf(taken + 1, 1000));
        if (appended.ok) taken += 1;
        return appended.ok;
      },
      { withinMs: 2000 },
    );
  }
  await journal[Symbol.asyncDispose]();
});

test("P1: while its directory is somewhere else nothing is taken, and what is in it is not passed over", async (t) => {
  const place = { ...(await onDisk(t)), segmentBytes: 6000, memoryBytes: 6000 };
  const { directory } = place;
  const { journal, told } = await openOrFail(place);
  for (const arrival of arrivalsTo(40)) {
    const entry = mustAppend(journal, arrival);
    assert.ok((await journal.stored(entry)).ok);
  }
  await rename(directory, `${directory}.away`);
  const reading = journal.read(batch);
  await eventually(() => !journal.append(arrivalOf(0)).ok);
  // It may have been refused before, for a disk that does not keep up.
  await eventually(() => assert.ok(told.failed.includes("write ENOENT"), told.failed.join()));
  const kept = journal.status().pendingRecords;
  await rename(`${directory}.away`, directory);
  const last = await eventually(
    () => {
      const appended = journal.append(arrivalOf(99));
      assert.ok(appended.ok);
      return appended.value;
    },
    { withinMs: 2000 },
  );
  assert.ok((await journal.stored(last)).ok);
  await reading;
  await journal[Symbol.asyncDispose]();
  assert.equal(told.missing, 0);
  const { journal: next, told: later } = await openOrFail(place);
  const bodies = bodiesOf(await readAll(next));
  assert.equal(bodies.length, kept + 1);
  assert.deepEqual(
    bodies.filter((body) => body !== "0"),
    [...numbersTo(40), "99"],
  );
  assert.equal(later.missing, 0);
  await next[Symbol.asyncDispose]();
});

test("a segment of a newer version ends the start, with the version and what to do", async (t) => {
  const place = await onDisk(t);
  const { journal } = await openOrFail(place);
  assert.ok((await journal.stored(mustAppend(journal, arrivalOf(1)))).ok);
  await journal[Symbol.asyncDispose]();
  const path = join(place.directory, segmentFileName(1));
  const bytes = await readFile(path);
  bytes.writeUInt16BE(7, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 32)), 32);
  await writeFile(path, bytes);
  const { opened } = await tryOpen(place);
  assert.ok(!opened.ok && opened.code === "journal-version-unknown");
  assert.match(opened.detail, /version 7.*newer version/);
  assert.ok(opened.detail.includes(path));
  assert.deepEqual(await readFile(path), bytes, "it is left as it was");
});

for (const name of [/\.journal$/, /cursor$/]) {
  test(`P1: an unreadable first page of ${name} costs nothing but repeats`, async (t) => {
    const place = await onDisk(t);
    const { journal } = await openOrFail(place);
    for (const arrival of arrivalsTo(20)) mustAppend(journal, arrival);
    await journal.read({ entries: 5, bytes: 1e6 });
    journal.release(5);
    await journal[Symbol.asyncDispose]();
    const { journal: next } = await openOrFail({ ...place, files: withBadPage(0, name) });
    assert.deepEqual(bodiesOf(await readAll(next)).slice(-15), numbersTo(20).slice(5));
    await next[Symbol.asyncDispose]();
  });
}

test("P8: a segment that cannot be removed is told of, and callbacks are taken all the same", async () => {
  const model = createModelFiles();
  const { journal, told } = await openOrFail({ files: model.files, segmentBytes: 6000, retentionBytes: 0 });
  model.fault = (operation) => (operation === "remove" ? "EACCES" : null);
  for (const arrival of arrivalsTo(40)) mustAppend(journal, arrival);
  while (journal.status().pendingRecords > 0) journal.release((await journal.read(batch)).length);
  await eventually(() => told.failed.includes("retention EACCES"));
  model.fault = () => null;
  assert.ok((await journal.stored(mustAppend(journal, arrivalOf(41)))).ok);
  await eventually(() => model.names().filter((path) => path.endsWith(".journal")).length <= 2);
  await journal[Symbol.asyncDispose]();
});

test("P1: what any process before has written is given out, and not said to be stored: a sync may have failed there", async () => {
  let model = createModelFiles();
  const { journal, told } = await openOrFail({ files: model.files });
  model.fault = (operation) => (operation === "sync" ? "EIO" : null);
  const lost = await journal.stored(mustAppend(journal, arrivalOf(1)));
  assert.ok(!lost.ok && told.failed.includes("sync EIO"));
  await eventually(() => (model.contents("/journal/00000000000000000001.journal")?.length ?? 0) > 4160);
  model.fault = () => "cut";
  await journal[Symbol.asyncDispose]();
  // The second time its segment is not the last one any more.
  for (const number of [2, 3]) {
    model = model.restart("kill");
    const { journal: next } = await openOrFail({ files: model.files });
    const [entry] = await next.read(batch);
    assert.ok(entry !== undefined);
    const stored = await next.stored(entry);
    assert.equal(stored.ok ? "stored" : stored.code, "journal-failed");
    assert.ok((await next.stored(mustAppend(next, arrivalOf(number)))).ok);
    await next[Symbol.asyncDispose]();
  }
});

for (const [operation, path] of [
  ["sync", "/journal/cursor"],
  ["size", "/journal/cursor"],
  ["syncDirectory", "/journal"],
  ["space", "/journal"],
])
  test(`P9: a journal that is opened again and again while the disk refuses a ${operation} keeps no file open`, async () => {
    const model = createModelFiles();
    model.fault = (...asked) => (asked[0] === operation && asked[1] === path ? "EIO" : null);
    const { files, open } = countedFiles(model.files);
    for (let times = 0; times < 5; times += 1) {
      const { opened } = await tryOpen({ files });
      assert.equal(opened.ok ? "opened" : opened.code, "journal-unusable");
    }
    assert.equal(open(), 0);
  });

test("P9: a journal whose segment cannot be closed keeps no other file open", async () => {
  const model = createModelFiles();
  const { journal } = await openOrFail({ files: model.files });
  for (const arrival of arrivalsTo(5)) mustAppend(journal, arrival);
  await journal[Symbol.asyncDispose]();
  const { files, open } = countedFiles(model.files);
  const { journal: next, told } = await openOrFail({ files });
  await next.read({ entries: 1, bytes: 1e6 });
  assert.equal(open(), 2);
  model.fault = (operation, path) => (operation === "close" && path.endsWith(".journal") ? "EIO" : null);
  await next[Symbol.asyncDispose]();
  assert.deepEqual([open(), told.failed], [0, ["read EIO"]]);
});

test("P3: a start that could not look at its lock leaves it to the next one", async (t) => {
  const place = await onDisk(t);
  const { mock: broken } = t.mock.method(fs, "statSync", () => {
    throw systemError("EIO", "stat");
  });
  syncBuiltinESMExports();
  const { opened } = await tryOpen(place);
  broken.restore();
  syncBuiltinESMExports();
  assert.equal(opened.ok ? "opened" : opened.code, "journal-unusable");
  const { journal } = await openOrFail(place);
  await journal[Symbol.asyncDispose]();
});
