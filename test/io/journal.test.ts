import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { testJournal } from "../contract/journalContract.ts";
import { onDisk } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { collectGarbage } from "../support/garbage.ts";
import { oneKey } from "../support/journalKeys.ts";
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
import { createModelFiles } from "../support/modelFiles.ts";

const batch = { entries: 100, bytes: 1024 * 1024 };

testJournal("journal on disk", async (t, limits) => {
  const { journal } = await openOrFail({ ...(await onDisk(t)), ...limits });
  return journal;
});

testJournal("journal on a disk that reorders", async (_t, limits) => {
  const { journal } = await openOrFail({ files: createModelFiles().files, ...limits });
  return journal;
});

testJournal("encrypted journal on disk", async (t, limits) => {
  const { journal } = await openOrFail({
    ...(await onDisk(t)),
    ...limits,
    keys: oneKey,
    memoryBytes: 200_000,
  });
  return journal;
});

testJournal("journal of many small segments and little memory", async (t, limits) => {
  const small = { memoryBytes: 200_000, segmentBytes: 8000 };
  const { journal } = await openOrFail({ ...(await onDisk(t)), ...limits, ...small });
  return journal;
});

test("P1: callbacks that were not released are there after a restart, in order, and the others are not", async (t) => {
  const place = { ...(await onDisk(t)), segmentBytes: 6000 };
  const { journal } = await openOrFail(place);
  for (const arrival of arrivalsTo(50)) mustAppend(journal, arrival);
  await journal.read({ entries: 20, bytes: 1e6 });
  journal.release(15);
  await journal[Symbol.asyncDispose]();
  const { journal: next, told } = await openOrFail(place);
  assert.equal(next.status().pendingRecords, 35);
  assert.deepEqual(bodiesOf(await readAll(next)), numbersTo(50).slice(15));
  assert.deepEqual(told.damaged, []);
  await next[Symbol.asyncDispose]();
});

test("one sync stores all that came together", async (t) => {
  const { journal, told } = await openOrFail(await onDisk(t));
  const entries = arrivalsTo(1000).map((arrival) => mustAppend(journal, arrival));
  const stored = await Promise.all(entries.map((entry) => journal.stored(entry)));
  assert.ok(stored.every(({ ok }) => ok));
  assert.ok(told.synced <= 3, `${told.synced} syncs`);
  await journal[Symbol.asyncDispose]();
});

test("P1: a process holds the directory for itself until kill -9 ends it", async (t) => {
  const place = await onDisk(t);
  const script = `
    import { openOrFail } from "./test/support/journals.ts";
    import { realFiles } from "./src/io/journal/files.ts";
    await openOrFail({ files: realFiles, directory: process.argv[1] });
    console.log("open");
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, place.directory], {
    cwd: join(import.meta.dirname, "..", ".."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const { opened } = await tryOpen(place);
  assert.equal(opened.ok ? "opened" : opened.code, "journal-locked");
  child.kill("SIGKILL");
  await once(child, "exit");
  const { journal } = await openOrFail(place);
  await journal[Symbol.asyncDispose]();
});

for (const [name, hours] of [
  ["back by an hour", -1],
  ["forward by a day", 24],
] as const) {
  test(`P1: the clock jumps ${name}: nothing that is pending goes`, async () => {
    const model = createModelFiles();
    let now = 1_700_000_000_000;
    const setup = { files: model.files, segmentBytes: 6000, clock: () => now };
    const { journal, told } = await openOrFail(setup);
    const append = (from: number, to: number): void => {
      for (let number = from; number <= to; number += 1) mustAppend(journal, arrivalOf(number));
    };
    append(1, 40);
    assert.equal((await journal.read({ entries: 20, bytes: 1e6 })).length, 20);
    journal.release(20);
    const last = mustAppend(journal, arrivalOf(41));
    assert.ok((await journal.stored(last)).ok);
    const before = model.names().filter((path) => path.endsWith(".journal")).length;
    now += hours * 3_600_000;
    append(42, 80);
    const cursor = (): string => (model.contents("/journal/cursor") ?? Buffer.alloc(0)).toString("hex");
    const written = cursor();
    await journal.read({ entries: 1, bytes: 1e6 });
    journal.release(1);
    await eventually(() => cursor() !== written);
    await journal[Symbol.asyncDispose]();
    if (hours > 0) assert.ok(before > 2, "there was something to drop");
    const { journal: next } = await openOrFail({ ...setup, files: model.restart("power").files });
    assert.deepEqual(bodiesOf(await readAll(next)), numbersTo(80).slice(21));
    assert.equal(told.missing, 0);
    await next[Symbol.asyncDispose]();
  });
}

test("P9: what waits for a reader that takes nothing leaves the memory as soon as it is on the disk, and is read from there", async (t) => {
  const { journal } = await openOrFail({ ...(await onDisk(t)), memoryBytes: 100_000_000 });
  t.after(() => journal[Symbol.asyncDispose]());
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  const count = 2000;
  for (let number = 1; number <= count; number += 1) mustAppend(journal, arrivalOf(number, 4000));
  const grown = (): number => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers - before;
  };
  assert.ok(grown() > 7_000_000);
  let more = 0;
  await eventually(async () => {
    more += 1;
    await journal.stored(mustAppend(journal, arrivalOf(count + more, 4000)));
    return grown() < 2_000_000;
  });
  assert.equal(
    journal.status().oldestPendingAt,
    arrivalOf(1).receivedAt,
    "P8: it is known how long it has waited",
  );
  assert.deepEqual(bodiesOf(await readAll(journal)), numbersTo(count + more));
});

test("P9: a reader far behind gets all from the disk, in order, while memory holds next to nothing", async (t) => {
  const { journal } = await openOrFail({ ...(await onDisk(t)), memoryBytes: 50_000 });
  t.after(() => journal[Symbol.asyncDispose]());
  const count = 5000;
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  let appended = 0;
  while (appended < count) {
    const one = journal.append(arrivalOf(appended + 1, 4000));
    if (one.ok) appended += 1;
    if (!one.ok || appended % 10 === 0) await new Promise(setImmediate);
  }
  collectGarbage();
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 5_000_000, `${grown} bytes in memory for 20 MB on the disk`);
  const bodies: string[] = [];
  while (bodies.length < count) {
    const entries = await journal.read(batch);
    bodies.push(...bodiesOf(entries));
    journal.release(entries.length);
  }
  assert.deepEqual(bodies, numbersTo(count));
});
