import { join } from "node:path";
import { fail, ok, type Result } from "../../core/result.ts";
import {
  readSegmentHeader,
  segmentFileName,
  segmentHeaderBytes,
  segmentNumberOf,
  segmentVersion,
  type SegmentHeader,
} from "../../core/segment.ts";
import type { SegmentCipher } from "../../core/cipher.ts";
import type { JournalKey } from "../../core/journal-keys.ts";
import { cipherOf } from "./segment-key.ts";
import { codeOf, type Files } from "./files.ts";
import { damagedDirectory, type Disk } from "./options.ts";
import { readLeniently, type SegmentMark } from "./segment-reader.ts";

export type Segment = SegmentHeader & {
  readonly cipher: SegmentCipher | null;
  readonly number: number;
  readonly name: string;
  readonly path: string;
  /** Length of what was written; the file may be longer where a write failed. */
  bytes: number;
  /** Known places of frames, in order, for a reader that falls back from memory to the disk. */
  readonly marks: SegmentMark[];
  /** Holds damage that could not be copied to `damaged/`: stays while this process runs. */
  keep: boolean;
};

/**
 * The segments of a directory, oldest first. `held` has a callback that is not released, or is being written; `retained`,
 * before it, has none. A segment's callbacks are those from its `first` up to the `first` of the next one.
 */
export type Catalogue = {
  readonly retained: Segment[];
  readonly held: Segment[];
  heldBytes: number;
  retainedBytes: number;
  nextNumber: number;
};

/** The segment that holds a sequence, or the next one behind it; undefined when there is none. */
export const segmentHolding = (segments: readonly Segment[], sequence: number): Segment | undefined =>
  segments.find((_, i) => (segments[i + 1]?.first ?? Infinity) > sequence);

export const segmentAfter = (segments: readonly Segment[], segment: Segment): Segment | undefined =>
  segments[segments.indexOf(segment) + 1];

/** Moves the segments in which everything is released from `held` to `retained`; the last one only if its end is known. */
export const retainReleased = (catalogue: Catalogue, released: number, endOfLast = Infinity): void => {
  const { held, retained } = catalogue;
  while ((held[1]?.first ?? endOfLast) <= released) {
    const segment = held.shift();
    if (segment === undefined) return;
    retained.push(segment);
    catalogue.heldBytes -= segment.bytes;
    catalogue.retainedBytes += segment.bytes;
  }
};

/** Takes a removed segment off the lists. */
export const forgetSegment = (catalogue: Catalogue, segment: Segment): void => {
  const { held, retained } = catalogue;
  if (retained.includes(segment)) {
    retained.splice(retained.indexOf(segment), 1);
    catalogue.retainedBytes -= segment.bytes;
  } else if (held.includes(segment)) {
    held.splice(held.indexOf(segment), 1);
    catalogue.heldBytes -= segment.bytes;
  }
};

type Head = { readonly read: ReturnType<typeof readSegmentHeader>; readonly bytes: number };

const readHead = async (files: Files, path: string): Promise<Head> => {
  const file = await files.openToRead(path);
  try {
    const into = Buffer.alloc(segmentHeaderBytes);
    const got = await readLeniently({ file }, into, 0);
    return { read: readSegmentHeader(into.subarray(0, got)), bytes: await file.size() };
  } finally {
    await file.close();
  }
};

/**
 * A file whose two headers are both unreadable: without the salt no frame in it can be told from noise. Also one that another
 * journal has left here: its sequences say nothing.
 */
const setAside = async ({ files, directory, on }: Disk, segment: { name: string; bytes: number }) => {
  const aside = join(directory, damagedDirectory);
  await files.makeDirectory(aside);
  await files.rename(join(directory, segment.name), join(aside, segment.name));
  await files.syncDirectory(aside);
  await files.syncDirectory(directory);
  // A crash right after the creation leaves less than one header, and nothing behind it.
  const kind = segment.bytes <= segmentHeaderBytes ? "torn" : "damage";
  on.damaged({ file: segment.name, at: 0, bytes: segment.bytes, kind });
};

const numbersIn = (names: readonly string[]): number[] =>
  names
    .map(segmentNumberOf)
    .filter((number) => number !== null)
    .toSorted((a, b) => a - b);

/** Also those of files that were set aside, so that no number is ever used for two files. */
const greatestNumber = async ({ files, directory }: Disk, numbers: readonly number[]) => {
  const aside = await files.list(join(directory, damagedDirectory));
  const set = aside.map((name) => segmentNumberOf(`${name.slice(0, 20)}.journal`) ?? 0);
  return Math.max(0, ...numbers, ...set);
};

export type Unreadable = "journal-unusable" | "journal-version-unknown" | "journal-key-missing";

const unknownVersion = (path: string, version: number): string =>
  `${path} has format version ${version}, and this bridge knows only ${segmentVersion}: start the newer version that wrote it, and let it publish all that waits before you go back`;

const keyMissing = (path: string, { encryption }: SegmentHeader, keys: readonly JournalKey[]): string => {
  const given = keys.map(({ name, id }) => `${name} (${id})`).join(", ");
  return `${path} is encrypted with the key whose id is ${encryption?.keyId}, and JOURNAL_KEY_FILE holds ${given === "" ? "none" : `only ${given}`}: add the line of that key again, at the end`;
};

export const openCatalogue = async (disk: Disk): Promise<Result<Catalogue, Unreadable>> => {
  const { files, directory } = disk;
  const numbers = numbersIn(await files.list(directory));
  const held: Segment[] = [];
  for (const number of numbers) {
    const name = segmentFileName(number);
    const path = join(directory, name);
    const { read, bytes } = await readHead(files, path);
    if (read.kind === "version-unknown") {
      return fail("journal-version-unknown", unknownVersion(path, read.version));
    }
    if (read.kind === "damaged" || read.header.first < (held.at(-1)?.first ?? 0)) {
      await setAside(disk, { name, bytes });
      continue;
    }
    const cipher = cipherOf(read.header, disk.keys);
    if (cipher === undefined) return fail("journal-key-missing", keyMissing(path, read.header, disk.keys));
    held.push({ ...read.header, cipher, number, name, path, bytes, marks: [], keep: false });
  }
  const nextNumber = (await greatestNumber(disk, numbers)) + 1;
  const heldBytes = held.reduce((sum, segment) => sum + segment.bytes, 0);
  return ok({ retained: [], held, heldBytes, retainedBytes: 0, nextNumber });
};

/** Null when it is gone, else the system's code for why not. */
export const removeSegment = async ({ files, directory }: Disk, segment: Segment): Promise<string | null> => {
  try {
    await files.remove(segment.path);
    await files.syncDirectory(directory);
    return null;
  } catch (error) {
    return codeOf(error) === "ENOENT" ? null : codeOf(error);
  }
};
