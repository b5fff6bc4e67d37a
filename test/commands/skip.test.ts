import assert from "node:assert/strict";
import { copyFile, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Entry } from "../../src/core/journal.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { jsonLines, type Ran, runJournal } from "../support/commands.ts";
import { fillJournal, finishedArrival, newDirectory } from "../support/directories.ts";
import { mustAppend, openOrFail, readAll } from "../support/journals.ts";

const finished = (...numbers: readonly number[]) => numbers.map(finishedArrival);
const idOf = (number: number): string => finishedArrival(number).eventId;
const idsOf = (entries: readonly Entry[]): string[] => entries.map(({ arrival }) => arrival.eventId);

const listed = async (directory: string): Promise<readonly unknown[]> =>
  jsonLines(await runJournal("list", "--dir", directory, "--json")).map(({ eventId }) => eventId);

const mustSkip = async (directory: string, record: string, out: string): Promise<Ran> => {
  const ran = await runJournal("skip", record, "--dir", directory, "--out", out);
  assert.equal(ran.code, 0, ran.err);
  return ran;
};

test("P1: skip puts the bytes of one record into a file, and the journal gives out all others", async (t) => {
  const directory = await newDirectory(t);
  const out = join(await newDirectory(t), "skipped.jsonl");
  await fillJournal(directory, finished(1, 2, 3, 4), { released: 1 });
  const ran = await mustSkip(directory, "main:3", out);
  assert.match(ran.err, /main:3 is in .*skipped\.jsonl/);
  const [kept] = jsonLines({ ...ran, out: await readFile(out, "utf8") });
  assert.deepEqual(Buffer.from(String(kept?.["bodyBase64"]), "base64"), finishedArrival(3).body);
  assert.equal(kept?.["eventId"], idOf(3));
  assert.equal((await stat(out)).mode & 0o777, 0o600);
  assert.deepEqual(await listed(directory), [idOf(2), idOf(4)]);
  const [status] = jsonLines(await runJournal("status", "--dir", directory, "--json"));
  assert.equal(status?.["pendingRecords"], 2);
  assert.equal(status?.["skippedRecords"], 1);

  const { journal, told } = await openOrFail({ directory, files: realFiles });
  assert.equal(journal.status().pendingRecords, 2);
  const first = await journal.read({ entries: 1, bytes: 1e6 });
  assert.equal(journal.status().pendingRecords, 2);
  const rest = await journal.read({ entries: 10, bytes: 1e6 });
  assert.deepEqual(idsOf([...first, ...rest]), [idOf(2), idOf(4)]);
  journal.release(1);
  assert.equal(
    journal.status().pendingRecords,
    1,
    "the skipped one is not counted while others are under way",
  );
  journal.release(1);
  assert.equal(journal.status().pendingRecords, 0);
  await journal[Symbol.asyncDispose]();
  assert.equal(told.missing, 0);
  assert.deepEqual(told.failed, []);
});

test("skip takes a record by its event id, in a parked lane too, and two of them one after the other", async (t) => {
  const directory = await newDirectory(t);
  const files = await newDirectory(t);
  const lane = join(directory, "parked", "esign.envelope.finished");
  await fillJournal(directory, finished(1));
  await fillJournal(lane, finished(7, 8, 9));
  await mustSkip(directory, idOf(8), join(files, "8"));
  await mustSkip(directory, "esign.envelope.finished:1", join(files, "7"));
  assert.deepEqual(await listed(directory), [idOf(1), idOf(9)]);
  const { journal } = await openOrFail({ directory: lane, files: realFiles });
  t.after(() => journal[Symbol.asyncDispose]());
  assert.equal(journal.status().pendingRecords, 1);
  assert.deepEqual(idsOf(await readAll(journal)), [idOf(9)]);
});

test("skip refuses what is not there, is skipped already, or is meant twice", async (t) => {
  const directory = await newDirectory(t);
  const files = await newDirectory(t);
  await fillJournal(directory, finished(1, 2, 2, 3), { released: 1 });
  const refusals: readonly (readonly [string, RegExp])[] = [
    ["main:1", /main:1 does not wait for Kafka/],
    ["main:77", /main:77 does not wait/],
    [idOf(2), /2 records have this event id: .*\(main:2, main:3\)/],
  ];
  for (const [record, reason] of refusals) {
    const ran = await runJournal("skip", record, "--dir", directory, "--out", join(files, "none"));
    assert.equal(ran.code, 1);
    assert.match(ran.err, reason);
  }
  await assert.rejects(stat(join(files, "none")), "a refusal makes no file");
  await mustSkip(directory, "main:4", join(files, "3"));
  const again = await runJournal("skip", "main:4", "--dir", directory, "--out", join(files, "none"));
  assert.match(again.err, /main:4 is skipped already/);
});

test("P1: skip never overwrites a file, and then leaves the record in the queue", async (t) => {
  const directory = await newDirectory(t);
  const out = join(directory, "taken");
  await writeFile(out, "mine");
  await fillJournal(directory, finished(1));
  const ran = await runJournal("skip", "main:1", "--dir", directory, "--out", out);
  assert.equal(ran.code, 1);
  assert.match(ran.err, /never overwritten/);
  assert.equal(await readFile(out, "utf8"), "mine");
  const nowhere = await runJournal("skip", "main:1", "--dir", directory, "--out", join(out, "below"));
  assert.equal(nowhere.code, 1);
  assert.deepEqual(await listed(directory), [idOf(1)]);
});

test("P1: a crash between any two steps of skip leaves the record in the queue, in the file, or in both", async (t) => {
  const directory = await newDirectory(t);
  const files = await newDirectory(t);
  await fillJournal(directory, finished(1, 2));
  const mark = join(directory, "skipped");
  await mustSkip(directory, "main:1", join(files, "whole"));
  const marked = await readFile(mark, "latin1");

  // Before the mark: only the file is there, or a part of the next mark under its other name.
  for (const part of [null, "", marked.slice(0, 30), marked]) {
    await rm(mark, { force: true });
    await rm(`${mark}.new`, { force: true });
    if (part !== null) await writeFile(`${mark}.new`, part);
    assert.deepEqual(await listed(directory), [idOf(1), idOf(2)]);
    const { journal } = await openOrFail({ directory, files: realFiles });
    assert.deepEqual(idsOf(await readAll(journal)), [idOf(1), idOf(2)]);
    await journal[Symbol.asyncDispose]();
    await mustSkip(directory, "main:1", join(files, `after ${String(part).length}`));
    assert.deepEqual(await listed(directory), [idOf(2)]);
  }
});

test("P1: a damaged mark brings its record back rather than losing it, and whoever looks hears of it", async (t) => {
  const directory = await newDirectory(t);
  const files = await newDirectory(t);
  const mark = join(directory, "skipped");
  await fillJournal(directory, finished(1, 2));
  await mustSkip(directory, "main:1", join(files, "1"));
  const good = await readFile(mark);
  for (let at = 0; at < good.length; at += 1) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 0x01;
    await writeFile(mark, bad);
    const { journal, told } = await openOrFail({ directory, files: realFiles });
    assert.deepEqual(idsOf(await readAll(journal)), [idOf(1), idOf(2)], `byte ${at}`);
    assert.deepEqual(told.failed, ["skip damaged"]);
    await journal[Symbol.asyncDispose]();
  }
  const verified = await runJournal("verify", "--dir", directory);
  assert.equal(verified.code, 1);
  assert.match(verified.out, /fault: skipped is damaged/);
  const ran = await runJournal("skip", "main:2", "--dir", directory, "--out", join(files, "2"));
  assert.equal(ran.code, 1, "it must not write over marks that it cannot read");
});

test("a mark outlives its cursor: a lost one does not bring the record back", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(1, 2));
  await mustSkip(directory, "main:1", join(await newDirectory(t), "1"));
  await fillJournal(directory, [], { released: 1 });
  await rm(join(directory, "cursor"));
  const { journal } = await openOrFail({ directory, files: realFiles });
  t.after(() => journal[Symbol.asyncDispose]());
  assert.deepEqual(idsOf(await readAll(journal)), [idOf(2)]);
});

/** What counts as a repeat from the next start on. */
const settledIn = async (t: TestContext, directory: string): Promise<readonly string[]> => {
  const { journal } = await openOrFail({ directory, files: realFiles });
  t.after(() => journal[Symbol.asyncDispose]());
  const settled: string[] = [];
  for await (const batch of journal.retained())
    settled.push(...batch.filter(({ pending }) => !pending).map(({ eventId }) => eventId));
  await journal[Symbol.asyncDispose]();
  return settled;
};

test("P7: a skipped callback that is posted again is not taken for a repeat", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(1, 2));
  await mustSkip(directory, "main:1", join(await newDirectory(t), "1"));
  await fillJournal(directory, [], { released: 1 });
  assert.deepEqual(await settledIn(t, directory), [idOf(2)]);
});

test("P7: nor is one that was skipped in a parked lane, which has come from the main journal", async (t) => {
  const directory = await newDirectory(t);
  const lane = join(directory, "parked", "esign.envelope.finished");
  await fillJournal(directory, finished(1, 2), { released: 2 });
  await fillJournal(lane, finished(1));
  await mustSkip(directory, "esign.envelope.finished:1", join(await newDirectory(t), "1"));
  assert.deepEqual(await settledIn(t, directory), [idOf(2)]);
  await fillJournal(lane, [], { retentionMs: 0 });
  await rm(lane, { recursive: true });
  assert.deepEqual(await settledIn(t, directory), [idOf(2)], "also when the lane has let go of it");
  assert.equal((await runJournal("verify", "--dir", directory)).code, 0);
});

test("P1: a mark goes with its segment, and never hits another record of the same sequence", async (t) => {
  const directory = await newDirectory(t);
  const kept = join(await newDirectory(t), "skipped");
  const mark = join(directory, "skipped");
  const segment = join(directory, "00000000000000000001.journal");
  await fillJournal(directory, finished(1, 2));
  const whole = await readFile(segment);
  await mustSkip(directory, "main:2", join(await newDirectory(t), "2"));
  await copyFile(mark, kept);

  // The last record is lost before the start: its sequence goes to the next callback.
  await writeFile(segment, whole.subarray(0, -10));
  await fillJournal(directory, finished(3));
  await assert.rejects(stat(mark));
  assert.deepEqual(await listed(directory), [idOf(1), idOf(3)]);
  // Even if the mark comes back.
  await copyFile(kept, mark);
  assert.deepEqual(await listed(directory), [idOf(1), idOf(3)]);
  const { journal } = await openOrFail({ directory, files: realFiles });
  assert.deepEqual(idsOf(await readAll(journal)), [idOf(1), idOf(3)]);
  await journal[Symbol.asyncDispose]();

  for (const name of ["00000000000000000001.journal", "00000000000000000002.journal"])
    await rm(join(directory, name), { force: true });
  await fillJournal(directory, finished(4));
  await assert.rejects(stat(mark));
});

test("skip by a second process is refused as long as the lock is held", async (t) => {
  const directory = await newDirectory(t);
  const out = join(await newDirectory(t), "out");
  const { journal } = await openOrFail({ directory, files: realFiles });
  await journal.stored(mustAppend(journal, finishedArrival(1)));
  const ran = await runJournal("skip", "main:1", "--dir", directory, "--out", out);
  await journal[Symbol.asyncDispose]();
  assert.equal(ran.code, 1);
  assert.match(ran.err, /a bridge runs on .*: stop it, skip, and start it again/);
  await mustSkip(directory, "main:1", out);
});
