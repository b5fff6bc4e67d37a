import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { placeBytes } from "../../src/io/journal/cursor.ts";
import type { DiskJournal } from "../../src/io/journal/journal.ts";
import { segmentFileName, segmentHeaderBytes, segmentNumberOf } from "../../src/core/segment.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { oneKey } from "../support/journalKeys.ts";
import {
  arrivalOf,
  bodiesOf,
  mustAppend,
  openOrFail,
  readAll,
  type JournalSetup,
} from "../support/journals.ts";
import { createModelFiles, type ModelFiles } from "../support/modelFiles.ts";

const batch = { entries: 100, bytes: 1024 * 1024 };
const path = `/journal/${segmentFileName(1)}`;
const bytesIn = (model: ModelFiles): Buffer =>
  model.contents(path)?.subarray(segmentHeaderBytes) ?? Buffer.alloc(0);

const open = async (t: TestContext, setup: JournalSetup) => {
  const opened = await openOrFail(setup);
  t.after(() => opened.journal[Symbol.asyncDispose]());
  return opened;
};

const append = (journal: DiskJournal, numbers: readonly number[]): void => {
  for (const number of numbers) mustAppend(journal, arrivalOf(number, 1000));
};

const seenIn = async (journal: DiskJournal) => {
  const seen = [];
  for await (const some of journal.retained()) seen.push(...some);
  return seen;
};

for (const [how, keys] of [
  ["", []],
  [", encrypted", oneKey],
] as const)
  test(`P1, P5: of what Kafka has before it is written the disk keeps id and time alone${how}`, async (t) => {
    const model = createModelFiles();
    const { journal } = await open(t, { files: model.files, keys });
    append(journal, [1, 2, 3, 4]);
    const entries = await journal.read(batch);
    for (const index of [0, 1]) entries[index]?.settle({ event: "finished" });
    // The third one is written whole, and with it all that came before.
    await eventually(() => bytesIn(model).length > 2000);
    const stampBytes = keys.length === 0 ? 42 : 58;
    assert.ok(bytesIn(model).length < 2 * 1100 + 2 * stampBytes, `${bytesIn(model).length} bytes`);
    if (keys.length === 0) assert.doesNotMatch(bytesIn(model).toString("latin1"), /1 1|2 2/);

    const { journal: next, told } = await open(t, { files: model.restart("kill").files, keys });
    const seen = await seenIn(next);
    assert.deepEqual(
      seen.map(({ eventId, pending }) => [eventId, pending]),
      [1, 2, 3, 4].map((n) => [arrivalOf(n, 1000).eventId, n > 2]),
      "P7: what Kafka has is known",
    );
    assert.deepEqual(bodiesOf(await readAll(next)), ["3", "4"]);
    assert.equal(next.status().pendingRecords, 2);
    assert.deepEqual([told.damaged, told.missing], [[], 0]);
  });

test("P1: what somebody waits for is written whole, also when Kafka has it by then", async (t) => {
  const model = createModelFiles();
  const { journal } = await open(t, { files: model.files });
  append(journal, [1, 2]);
  const [first, second] = await journal.read(batch);
  first?.settle({ event: "finished" });
  assert.ok(second !== undefined && (await journal.stored(second)).ok);
  assert.ok(bytesIn(model).length > 2000);
});

test("P6: what came behind one that comes again after a kill comes again too, and only until the cursor has passed it", async (t) => {
  const model = createModelFiles();
  const { journal } = await open(t, { files: model.files });
  append(journal, [1]);
  const late = await journal.read(batch);
  await eventually(() => bytesIn(model).length > 1000);
  append(journal, [2]);
  for (const entry of [...late, ...(await journal.read(batch))]) entry.settle({ event: "finished" });
  await eventually(() => bytesIn(model).length > 2000);
  const { journal: next } = await open(t, { files: model.restart("kill").files });
  assert.deepEqual(bodiesOf(await readAll(next)), ["1", "2"]);
  journal.release(2);
  const places = () =>
    [0, placeBytes].map((at) => model.contents("/journal/cursor")?.subarray(at).readDoubleBE(8));
  await eventually(() => places().includes(3));
  append(journal, [3]);
  for (const entry of await journal.read(batch)) entry.settle({ event: "finished" });
  const { length } = bytesIn(model);
  await eventually(() => bytesIn(model).length === length + 42);
});

test("P1: what Kafka has not taken after two delays is written whole, and what came later waits its turn", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const model = createModelFiles();
  const { journal } = await open(t, { files: model.files });
  const wholeAfterTick = async (): Promise<number> => {
    t.mock.timers.tick(20);
    for (let turns = 0; turns < 50; turns += 1) await turn();
    return Math.floor(bytesIn(model).length / 1000);
  };
  append(journal, [1]);
  assert.equal(await wholeAfterTick(), 0);
  append(journal, [2]);
  assert.equal(await wholeAfterTick(), 1);
  assert.equal(await wholeAfterTick(), 2);
});

test("P7: what Kafka has just taken when the bridge ends is known at the next start", async (t) => {
  const model = createModelFiles();
  const { journal } = await openOrFail({ files: model.files });
  append(journal, [1]);
  for (const entry of await journal.read(batch)) entry.settle({ event: "finished" });
  journal.release(1);
  await journal[Symbol.asyncDispose]();
  const { journal: next } = await open(t, { files: model.restart("kill").files });
  assert.deepEqual(
    (await seenIn(next)).map(({ pending }) => pending),
    [false],
  );
});

test("P7: without a cursor what Kafka has is known all the same, in every segment", async (t) => {
  const model = createModelFiles();
  const { journal } = await openOrFail({ files: model.files, retentionRecords: 20 });
  append(journal, [1, 2, 3, 4, 5, 6, 7, 8]);
  for (const entry of await journal.read(batch)) entry.settle({ event: "finished" });
  journal.release(8);
  await journal[Symbol.asyncDispose]();
  const left = model.restart("kill");
  left.damage("/journal/cursor", Buffer.alloc(8192, 7));
  const { journal: next } = await open(t, { files: left.files });
  assert.equal((await seenIn(next)).filter(({ pending }) => !pending).length, 8);
});

test("P9: a segment is no longer written to when it is older than an hour and what is retained", async (t) => {
  const hours = 3_600_000;
  for (const [retained, closed] of [
    [0, 1],
    [6, 6],
  ] as const) {
    const model = createModelFiles();
    let now = 0;
    const segments = () => model.names().filter((name) => name.endsWith(".journal")).length;
    const setup = { files: model.files, retentionMs: retained * hours, clock: () => now };
    const { journal } = await open(t, setup);
    for (const [time, count] of [
      [0, 1],
      [closed * hours, 1],
      [closed * hours + 1, 2],
    ] as const) {
      now = time;
      assert.ok((await journal.stored(mustAppend(journal, arrivalOf(time)))).ok);
      assert.equal(segments(), count);
    }
  }
});

test("P9: segments hold so many callbacks at most, and those of long ago go", async (t) => {
  const directory = await newDirectory(t);
  const { journal } = await open(t, { files: realFiles, directory, retentionRecords: 20 });
  const segments = async () => (await readdir(directory)).filter((name) => segmentNumberOf(name) !== null);
  append(
    journal,
    Array.from({ length: 43 }, (_, i) => i),
  );
  for (const entry of await journal.read(batch)) entry.settle({ event: "finished" });
  journal.release(43);
  await eventually(async () => {
    const [first = "", ...more] = await segments();
    const { length } = await readFile(join(directory, first));
    // Three in the one that is being written, five in each of those before it: eighteen of the twenty that may be kept.
    return segmentNumberOf(first) === 6 && more.length === 3 && length === segmentHeaderBytes + 5 * 42;
  });
});
