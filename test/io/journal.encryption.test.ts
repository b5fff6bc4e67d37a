import assert from "node:assert/strict";
import { cp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import type { JournalKey } from "../../src/core/journal-keys.ts";
import { readSegmentHeader, segmentFileName, segmentHeaderBytes } from "../../src/core/segment.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { keyLine, keysOf, oneKey } from "../support/journalKeys.ts";
import { arrivalOf, bodiesOf, mustAppend, openOrFail, readAll, tryOpen } from "../support/journals.ts";

const [first, second] = [keyLine("first"), keyLine("second")];
const newKey = keysOf(second);
const both = keysOf(second, first);

/** Appends the callbacks of these numbers in one segment. */
const fill = async (directory: string, keys: readonly JournalKey[], numbers: readonly number[]) => {
  const { journal } = await openOrFail({ directory, files: realFiles, keys });
  for (const number of numbers) mustAppend(journal, arrivalOf(number));
  await journal[Symbol.asyncDispose]();
};

const readNumbers = async (directory: string, keys: readonly JournalKey[]) => {
  const { journal, told } = await openOrFail({ directory, files: realFiles, keys });
  const numbers = bodiesOf(await readAll(journal)).map(Number);
  await journal[Symbol.asyncDispose]();
  return { numbers, told };
};

const refusalOf = async (directory: string, keys: readonly JournalKey[]): Promise<string> => {
  const { opened, told } = await tryOpen({ directory, files: realFiles, keys });
  assert.ok(!opened.ok && opened.code === "journal-key-missing", JSON.stringify(opened));
  assert.deepEqual(told.damaged, []);
  return opened.detail;
};

const segment = (directory: string, number: number): string => join(directory, segmentFileName(number));

test("P5: with a key nothing of a callback is readable anywhere in the directory, copies of damage included", async (t) => {
  const directory = await newDirectory(t);
  const canary = "canary-7f3a";
  const { journal } = await openOrFail({ directory, files: realFiles, keys: oneKey });
  for (let i = 0; i < 20; i += 1) {
    const arrival = { ...arrivalOf(i), source: canary, body: Buffer.from(`${i} ${canary} a@example.com`) };
    mustAppend(journal, arrival);
  }
  await journal[Symbol.asyncDispose]();
  const bytes = await readFile(segment(directory, 1));
  bytes.writeUInt8(bytes.readUInt8(segmentHeaderBytes + 120) ^ 1, segmentHeaderBytes + 120);
  await writeFile(segment(directory, 1), bytes);
  assert.equal((await readNumbers(directory, oneKey)).numbers.length, 19);
  const names = await readdir(directory, { recursive: true });
  assert.ok(names.some((name) => name.startsWith("damaged/")));
  for (const name of names) {
    const path = join(directory, name);
    if ((await stat(path)).isDirectory()) continue;
    const text = await readFile(path, "latin1");
    assert.ok(!text.includes(canary) && !text.includes("example.com"), name);
    assert.ok(!text.includes(arrivalOf(1).eventId), name);
  }
});

test("P1: a missing or another key ends the start with its id, and touches nothing", async (t) => {
  const directory = await newDirectory(t);
  await fill(directory, oneKey, [1, 2, 3]);
  const before = await readFile(segment(directory, 1));
  const id = oneKey[0]?.id ?? "";
  assert.match(await refusalOf(directory, []), new RegExp(`${id}.*holds none: add the line`));
  const sameName = keysOf(keyLine("first", "another"));
  const detail = await refusalOf(directory, sameName);
  assert.match(detail, new RegExp(`${id}.*only first \\(${sameName[0]?.id}\\)`));
  assert.ok(detail.includes(segment(directory, 1)));
  assert.deepEqual(await readFile(segment(directory, 1)), before);
  assert.deepEqual((await readNumbers(directory, oneKey)).numbers, [1, 2, 3]);
});

test("P1: keys change over: the first one writes, the others read, and the old one may go with its last segment", async (t) => {
  const directory = await newDirectory(t);
  await fill(directory, [], [1, 2]);
  await fill(directory, oneKey, [3, 4]);
  await fill(directory, both, [5, 6]);
  const ids = await Promise.all(
    [1, 2, 3].map(async (number) => {
      const read = readSegmentHeader(await readFile(segment(directory, number)));
      return read.kind === "good" ? (read.header.encryption?.keyId ?? "plain") : read.kind;
    }),
  );
  assert.deepEqual(ids, ["plain", oneKey[0]?.id, newKey[0]?.id]);
  await refusalOf(directory, newKey);
  const { journal, told } = await openOrFail({ directory, files: realFiles, keys: both, retentionMs: 0 });
  assert.deepEqual(bodiesOf(await journal.read({ entries: 9, bytes: 1e6 })), ["1", "2", "3", "4", "5", "6"]);
  journal.release(4);
  await eventually(async () => !(await readdir(directory)).includes(segmentFileName(2)));
  await journal[Symbol.asyncDispose]();
  assert.deepEqual(told.failed, []);
  assert.deepEqual((await readNumbers(directory, newKey)).numbers, [5, 6]);
});

test("P1: callbacks settled before are known by their ids after a start, encrypted too", async (t) => {
  const directory = await newDirectory(t);
  await fill(directory, oneKey, [1, 2]);
  const { journal } = await openOrFail({ directory, files: realFiles, keys: oneKey });
  await journal.read({ entries: 1, bytes: 1e6 });
  journal.release(1);
  const seen: string[] = [];
  for await (const batch of journal.retained()) seen.push(...batch.map(({ eventId }) => eventId));
  assert.deepEqual(seen, [arrivalOf(1).eventId, arrivalOf(2).eventId]);
  await journal[Symbol.asyncDispose]();
});

test("P4: a frame that was moved, its checksum mended, is given out nowhere", async (t) => {
  const [from, to] = [await newDirectory(t), await newDirectory(t)];
  await fill(from, oneKey, [1, 2]);
  await fill(to, oneKey, [3, 4]);
  const foreign = await readFile(segment(from, 1));
  const bytes = await readFile(segment(to, 1));
  const { length } = bytes.subarray(segmentHeaderBytes);
  foreign.copy(bytes, segmentHeaderBytes, segmentHeaderBytes, segmentHeaderBytes + length / 2);
  const salt = bytes.readUInt32BE(12);
  const sum = crc32(bytes.subarray(segmentHeaderBytes + 8, segmentHeaderBytes + length / 2), salt);
  bytes.writeUInt32BE(sum, segmentHeaderBytes + 4);
  await writeFile(segment(to, 1), bytes);
  const { numbers, told } = await readNumbers(to, oneKey);
  assert.deepEqual(numbers, [4]);
  assert.deepEqual(
    told.damaged.map(({ kind }) => kind),
    ["damage"],
  );
});

test("P5: a copy of the directory that goes on by itself writes under keys of its own", async (t) => {
  const [here, there] = [await newDirectory(t), await newDirectory(t)];
  await fill(here, oneKey, [1]);
  await cp(here, there, { recursive: true });
  await fill(here, oneKey, [2]);
  await fill(there, oneKey, [2]);
  const [one, other] = [await readFile(segment(here, 2)), await readFile(segment(there, 2))];
  assert.notDeepEqual(one.subarray(segmentHeaderBytes + 16), other.subarray(segmentHeaderBytes + 16));
});
