import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { realFiles } from "../../src/io/journal/files.ts";
import { cursorOf, inspectJournal } from "../../src/io/journal/inspection.ts";
import { scanJournal } from "../../src/io/journal/scan.ts";
import { withBadPage } from "../support/badPages.ts";
import { jsonLines, runJournal } from "../support/commands.ts";
import { fillJournal, finishedArrival, newDirectory, snapshot } from "../support/directories.ts";
import { arrivalOf } from "../support/journals.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const finished = (count: number) => numbers(count).map(finishedArrival);
const segmentName = "00000000000000000001.journal";

const flipByte = async (path: string, at: number): Promise<void> => {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x01;
  await writeFile(path, bytes);
};

const placeOfText = async (path: string, text: string): Promise<number> => {
  const at = (await readFile(path)).indexOf(text);
  assert.ok(at > 0);
  return at;
};

test("verify finds a flipped bit wherever it is in front of a good record, and says what is lost", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(5), { released: 1 });
  assert.equal((await runJournal("verify", "--dir", directory)).code, 0);
  const path = join(directory, segmentName);
  await flipByte(path, await placeOfText(path, "envelope-3"));
  const before = await snapshot(directory);
  const ran = await runJournal("verify", "--dir", directory);
  assert.equal(ran.code, 1);
  assert.match(ran.out, /fault: 0{19}1\.journal \d+ bytes at \d+ cannot be read \(record 3\)/);
  assert.match(ran.out, /means: 1 record that waited for Kafka/);
  assert.match(ran.out, /to do: Start the bridge/);
  assert.equal((await runJournal("status", "--dir", directory)).code, 1);
  const exported = await runJournal("export", "--dir", directory);
  assert.equal(exported.code, 1, "an export that is not whole must not pass for one");
  assert.deepEqual(
    jsonLines(exported).map(({ sequence }) => sequence),
    [2, 4, 5],
  );
  assert.deepEqual(await snapshot(directory), before);
});

test("verify tells damage in what is settled from damage in what waits", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(5), { released: 4 });
  const path = join(directory, segmentName);
  await flipByte(path, await placeOfText(path, "envelope-2"));
  const ran = await runJournal("verify", "--dir", directory);
  assert.equal(ran.code, 1);
  assert.match(ran.out, /means: No record that waits for Kafka is lost/);
  assert.equal((await runJournal("list", "--dir", directory)).code, 0, "it concerns nothing that waits");
});

test("verify takes a torn end for what it is, and misses records that were cut off before others came", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(3));
  const path = join(directory, segmentName);
  const whole = await readFile(path);
  await writeFile(path, whole.subarray(0, -10));
  const torn = await runJournal("verify", "--dir", directory);
  assert.equal(torn.code, 0, torn.out);
  assert.match(torn.out, /note: .* behind the last good record/);

  await writeFile(path, whole);
  await fillJournal(directory, [finishedArrival(4)]);
  await writeFile(path, whole.subarray(0, -10));
  const cut = await runJournal("verify", "--dir", directory, "--json");
  assert.equal(cut.code, 1);
  assert.match(cut.out, /\(record 3\)/);
});

test("verify names a lost cursor, a broken header and a segment of an unknown version", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(2));
  const path = join(directory, segmentName);
  const whole = await readFile(path);

  const cursor = join(directory, "cursor");
  const good = await readFile(cursor);
  await writeFile(cursor, Buffer.alloc(good.length, 7));
  const lost = await runJournal("verify", "--dir", directory);
  assert.equal(lost.code, 1);
  assert.match(lost.out, /fault: cursor is damaged\n +means: The bridge begins with the oldest/);
  await writeFile(cursor, good);

  await writeFile(path, Buffer.concat([Buffer.alloc(5000), whole.subarray(5000)]));
  assert.match((await runJournal("verify", "--dir", directory)).out, /both copies of its header/);

  const newer = Buffer.from(whole);
  newer.writeUInt16BE(9, 8);
  newer.writeUInt32BE(crc32(newer.subarray(0, 32)), 32);
  await writeFile(path, newer);
  const ran = await runJournal("verify", "--dir", directory);
  assert.equal(ran.code, 1);
  assert.match(ran.out, /has format version 9/);
  assert.match(ran.out, /Start the newer version/);
  assert.equal((await runJournal("status", "--dir", directory)).code, 1);
});

test("whichever byte of a segment is flipped, every record but the one that it hits is found, and the loss is told", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(directory, finished(4));
  const path = join(directory, segmentName);
  const whole = await readFile(path);
  const firstFrameAt = whole.indexOf(Buffer.from([0xff, 0xc0, 0xfe, 0xc1]));
  const lastBodyAt = whole.lastIndexOf("envelope-4");
  // Headers have a second copy, and most of what lies between is empty: a few places there stand for all.
  const places = [0, 9, 14, 20, 33, firstFrameAt - 60];
  for (let at = firstFrameAt; at < lastBodyAt; at += 7) places.push(at);
  for (const at of places) {
    await writeFile(path, whole);
    await flipByte(path, at);
    const seen = await inspectJournal({ files: realFiles, directory, keys: [] });
    const records: number[] = [];
    const lost: number[] = [];
    for await (const one of scanJournal(realFiles, seen, cursorOf(seen))) {
      if (one.kind === "record") records.push(one.sequence);
      else for (let sequence = one.from; sequence < one.to; sequence += 1) lost.push(sequence);
    }
    const inLast = records.length === 3 && lost.length === 0 && !records.includes(4);
    assert.ok(
      inLast || records.length + lost.length === 4,
      `byte ${at}: ${records.join()} and ${lost.join()}`,
    );
    assert.ok(lost.length <= 1, `byte ${at}`);
    assert.ok(at >= firstFrameAt ? records.length === 3 : records.length === 4, `byte ${at}`);
  }
});

test("verify does not take for a torn end what the disk refuses at the end of the journal", async (t) => {
  const directory = await newDirectory(t);
  await fillJournal(
    directory,
    [1, 2].map((number) => arrivalOf(number, 1000)),
  );
  const seen = await inspectJournal({ files: realFiles, directory, keys: [] });
  const kinds: string[] = [];
  for await (const { kind } of scanJournal(withBadPage(1, /\.journal$/), seen, 1)) kinds.push(kind);
  assert.deepEqual(kinds, ["refused"]);
});
