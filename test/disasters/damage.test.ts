import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalKey } from "../../src/core/journal-keys.ts";
import { segmentHeaderBytes } from "../../src/core/segment.ts";
import { oneKey } from "../support/journalKeys.ts";
import { arrivalOf, bodiesOf, mustAppend, openOrFail, readAll, type Told } from "../support/journals.ts";
import { createModelFiles, modelFilesWith, type ModelFiles } from "../support/modelFiles.ts";

type Contents = ReadonlyMap<string, Buffer>;
type Keys = readonly JournalKey[];
type FramePlace = { readonly number: number; readonly at: number; readonly end: number };

const setup = { segmentBytes: segmentHeaderBytes + 600 };
const count = 12;
const newcomer = 1000;

const contentsOf = (model: ModelFiles): Contents =>
  new Map(model.names().map((path) => [path, model.contents(path) ?? Buffer.alloc(0)]));

/** A journal of several segments: callbacks 1 to 12, of which the first `released` are done with. */
const makeJournal = async (released: number, keys: Keys = []): Promise<Contents> => {
  const model = createModelFiles();
  const { journal } = await openOrFail({ ...setup, keys, files: model.files });
  for (let number = 1; number <= count; number += 1) mustAppend(journal, arrivalOf(number, 40 + number * 7));
  await journal.read({ entries: Math.max(1, released), bytes: 1_000_000 });
  journal.release(released);
  await journal[Symbol.asyncDispose]();
  return contentsOf(model);
};

const segmentsOf = (contents: Contents): string[] =>
  [...contents.keys()].filter((path) => path.endsWith(".journal")).toSorted();

/** Where each callback lies, by the lengths in undamaged files. */
const placesOf = (contents: Contents): Map<string, FramePlace[]> => {
  let number = 0;
  return new Map(
    segmentsOf(contents).map((path) => {
      const bytes = contents.get(path) ?? Buffer.alloc(0);
      const frames: FramePlace[] = [];
      for (let at = segmentHeaderBytes; at < bytes.length; at = frames.at(-1)?.end ?? Infinity) {
        number += 1;
        frames.push({ number, at, end: at + 16 + bytes.readUInt32BE(at + 8) });
      }
      return [path, frames];
    }),
  );
};

const numbersOf = (entries: Awaited<ReturnType<typeof readAll>>): number[] => bodiesOf(entries).map(Number);

type Outcome = { readonly numbers: number[]; readonly told: Told; readonly left: Contents };

/** Starts on these files, takes one callback more, gives out all, and releases none. */
const live = async (contents: Contents, keys: Keys = []): Promise<Outcome> => {
  const model = modelFilesWith(contents);
  const { journal, told } = await openOrFail({ ...setup, keys, files: model.files });
  const entry = mustAppend(journal, arrivalOf(newcomer));
  assert.ok((await journal.stored(entry)).ok);
  const entries = await readAll(journal);
  for (const { arrival } of entries) {
    const number = arrival.receivedAt - 1_700_000_000_000;
    assert.deepEqual(arrival, arrivalOf(number, arrival.body.length), "a wrong record was given out");
  }
  await journal[Symbol.asyncDispose]();
  return { numbers: numbersOf(entries), told, left: contentsOf(model) };
};

const copiesIn = (contents: Contents): Buffer[] =>
  [...contents].filter(([path]) => path.includes("/damaged/")).map(([, bytes]) => bytes);

/** Every byte but the zeros between the two copies of the header, of which some must do. */
const positionsOf = (bytes: Buffer): number[] =>
  [...bytes.keys()].filter((at) => at < 64 || at >= 4096 || at % 61 === 0);

const all = (): number[] => Array.from({ length: count }, (_, i) => i + 1);

const silence = { kinds: [], missing: 0 };

const sayings = ({ damaged, missing }: Told) => ({ kinds: damaged.map(({ kind }) => kind), missing });

/** The last of all may as well be what a power cut left of a callback that nobody has acknowledged. */
const sayingsOf = ({ number }: FramePlace) =>
  number === count ? { kinds: ["torn"], missing: 0 } : { kinds: ["damage"], missing: 1 };

for (const [how, keys] of [
  ["a byte", []],
  ["an encrypted byte", oneKey],
] as const) {
  test(`P1: ${how} flipped at any position costs at most the callback that it hits, whose bytes are kept`, async () => {
    const whole = await makeJournal(0, keys);
    const places = placesOf(whole);
    assert.ok(places.size >= 3);
    for (const [path, frames] of places) {
      const bytes = whole.get(path) ?? Buffer.alloc(0);
      for (const at of positionsOf(bytes)) {
        const flipped = Buffer.from(bytes);
        flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
        const hit = frames.find((frame) => frame.at <= at && at < frame.end);
        const { numbers, told, left } = await live(new Map([...whole, [path, flipped]]), keys);
        const where = `${path} at ${at}`;
        assert.deepEqual(numbers, [...all().filter((number) => number !== hit?.number), newcomer], where);
        assert.deepEqual(copiesIn(left), hit === undefined ? [] : [flipped.subarray(hit.at, hit.end)], where);
        assert.deepEqual(sayings(told), hit === undefined ? silence : sayingsOf(hit), where);
        assert.deepEqual(told.failed, [], where);
      }
    }
  });
}

test("P1: a segment cut at any position costs only what was cut off, and a second start gives the same", async () => {
  const whole = await makeJournal(0);
  for (const [path, frames] of placesOf(whole)) {
    const bytes = whole.get(path) ?? Buffer.alloc(0);
    for (const at of positionsOf(bytes)) {
      const lost = frames.filter(({ end }) => end > at).map(({ number }) => number);
      const expected = [...all().filter((number) => !lost.includes(number)), newcomer];
      const first = await live(new Map([...whole, [path, bytes.subarray(0, at)]]));
      assert.deepEqual(first.numbers, expected, `${path} cut at ${at}`);
      const torn = frames.find((frame) => frame.at < at && at < frame.end);
      const kept = at < 64 ? bytes.subarray(0, at) : bytes.subarray(torn?.at ?? at, at);
      assert.deepEqual(Buffer.concat(copiesIn(first.left)), kept, `${path} cut at ${at}`);
      const second = await live(first.left);
      assert.deepEqual(second.numbers, [...expected, newcomer], `${path} cut at ${at}, second start`);
      assert.deepEqual(copiesIn(second.left), copiesIn(first.left));
    }
  }
});

test("P1: a segment that is gone costs only its own callbacks, which are counted as missing", async () => {
  const whole = await makeJournal(0);
  for (const [path, frames] of [...placesOf(whole)].slice(0, -1)) {
    const { numbers, told } = await live(new Map([...whole].filter(([name]) => name !== path)));
    const lost = frames.map(({ number }) => number);
    assert.deepEqual(numbers, [...all().filter((number) => !lost.includes(number)), newcomer]);
    assert.equal(told.missing, lost.length);
  }
});

test("P1: damage at any byte of the cursor makes repeats at most", async () => {
  const released = 5;
  const whole = await makeJournal(released);
  const path = "/journal/cursor";
  const bytes = whole.get(path) ?? Buffer.alloc(0);
  const pending = [...all().slice(released), newcomer];
  assert.deepEqual((await live(whole)).numbers, pending);
  const places = [...bytes.keys()].filter((at) => at < 24 || at >= 4096 || at % 61 === 0);
  for (const at of places) {
    const flipped = Buffer.from(bytes);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
    for (const damaged of [flipped, bytes.subarray(0, at)]) {
      const { numbers } = await live(new Map([...whole, [path, damaged]]));
      assert.deepEqual(numbers.slice(-pending.length), pending, `cursor at ${at}`);
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
    }
  }
  const { numbers, told } = await live(new Map([...whole, [path, Buffer.alloc(bytes.length)]]));
  assert.deepEqual(numbers.slice(-pending.length), pending);
  assert.equal(told.cursorLost, 1, "and it is said");
});

test("a file of another journal between the segments is set aside, and the start goes on", async () => {
  const whole = await makeJournal(0);
  const [first = ""] = segmentsOf(whole);
  const strange = whole.get(first) ?? Buffer.alloc(0);
  const path = "/journal/00000000000000000099.journal";
  const { numbers, told, left } = await live(new Map([...whole, [path, strange]]));
  assert.deepEqual(numbers, [...all(), newcomer]);
  assert.deepEqual(copiesIn(left), [strange]);
  assert.equal(told.damaged.length, 1);
});
