/**
 * Looks at a journal without touching it: no lock, no write, nothing set aside. It may be a copy, or belong to a running bridge,
 * whose segments grow and vanish meanwhile: what is seen is each segment as long as it was when it was opened.
 */
import { join } from "node:path";
import { readSegmentHeader, segmentHeaderBytes, segmentNumberOf } from "../../core/segment.ts";
import type { SegmentCipher } from "../../core/cipher.ts";
import type { JournalKey } from "../../core/journal-keys.ts";
import type { SegmentHeader } from "../../core/segment.ts";
import { placeBytes, readPlace } from "./cursor.ts";
import type { Files } from "./files.ts";
import { damagedDirectory } from "./options.ts";
import { readLeniently } from "./segment-reader.ts";
import { cipherOf } from "./segment-key.ts";
import { readMarks, type Mark } from "./skipped.ts";
import { withFile } from "./whole-file.ts";

export type SegmentSeen = {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Why it cannot be read; null when it can. */
  readonly unreadable:
    | { readonly kind: "version"; readonly version: number }
    | { readonly kind: "header" | "foreign" }
    /** Its header is there, and its key is not among those given. */
    | { readonly kind: "key"; readonly keyId: string }
    | null;
  /** Zeros when it is unreadable. */
  readonly header: SegmentHeader;
  readonly cipher: SegmentCipher | null;
};

export type JournalSeen = {
  readonly directory: string;
  /** `none`: no such file yet, or an empty one. */
  readonly cursor: number | "none" | "damaged";
  /** Null: the file is damaged. */
  readonly marks: readonly Mark[] | null;
  /** In their order. */
  readonly segments: readonly SegmentSeen[];
  /** Files in `damaged/`. */
  readonly setAside: readonly string[];
};

const readCursor = async (files: Files, directory: string): Promise<JournalSeen["cursor"]> => {
  const cursor = await withFile(files, join(directory, "cursor"), async (file) => {
    if ((await file.size()) === 0) return "none";
    const values = [await readPlace(file, 0), await readPlace(file, placeBytes)];
    const good = values.filter((value) => value !== null);
    return good.length === 0 ? "damaged" : Math.max(...good);
  });
  return cursor ?? "none";
};

const noHeader: SegmentHeader = { salt: 0, first: 0, createdAt: 0, encryption: null };

/** It stands in its place, whether or not its records can be read. */
export const isPlaced = ({ unreadable }: SegmentSeen): boolean =>
  unreadable === null || unreadable.kind === "key";

type Head = Pick<SegmentSeen, "unreadable" | "header" | "cipher">;

const headOf = (head: Buffer, keys: readonly JournalKey[]): Head => {
  const read = readSegmentHeader(head);
  if (read.kind !== "good") {
    const isVersion = read.kind === "version-unknown";
    const why = isVersion
      ? ({ kind: "version", version: read.version } as const)
      : ({ kind: "header" } as const);
    return { unreadable: why, header: noHeader, cipher: null };
  }
  const { header } = read;
  const cipher = cipherOf(header, keys);
  if (cipher !== undefined) return { unreadable: null, header, cipher };
  return { unreadable: { kind: "key", keyId: header.encryption?.keyId ?? "" }, header, cipher: null };
};

/** Where a journal is, and the keys that it may need. */
export type Place = {
  readonly files: Files;
  readonly directory: string;
  readonly keys: readonly JournalKey[];
};

const readSegmentSeen = async ({ files, directory, keys }: Place, name: string) => {
  const path = join(directory, name);
  return withFile(files, path, async (file): Promise<SegmentSeen> => {
    const bytes = await file.size();
    const head = Buffer.alloc(Math.min(segmentHeaderBytes, bytes));
    const got = await readLeniently({ file }, head, 0);
    return { name, path, bytes, ...headOf(head.subarray(0, got), keys) };
  });
};

const readSegments = async (place: Place): Promise<readonly SegmentSeen[]> => {
  const { files, directory } = place;
  const names = (await files.list(directory)).filter((name) => segmentNumberOf(name) !== null).toSorted();
  const segments: SegmentSeen[] = [];
  let first = 0;
  for (const name of names) {
    const segment = await readSegmentSeen(place, name);
    if (segment === undefined) continue;
    const isForeign = isPlaced(segment) && segment.header.first < first;
    segments.push(isForeign ? { ...segment, unreadable: { kind: "foreign" } } : segment);
    if (!isForeign) first = Math.max(first, segment.header.first);
  }
  return segments;
};

export const inspectJournal = async (place: Place): Promise<JournalSeen> => {
  const { files, directory } = place;
  // The cursor first: what is released after that counts as pending still, and nothing is overlooked.
  const cursor = await readCursor(files, directory);
  return {
    directory,
    cursor,
    marks: await readMarks(files, directory),
    segments: await readSegments(place),
    setAside: await files.list(join(directory, damagedDirectory)),
  };
};

/** The first sequence that is in a segment, or should be. */
export const oldestOf = ({ cursor, segments }: JournalSeen): number => {
  const first = segments.find(isPlaced)?.header.first;
  return typeof cursor === "number" ? Math.min(cursor, first ?? cursor) : (first ?? 1);
};

/** Without a cursor the bridge begins with the oldest. */
export const cursorOf = (seen: JournalSeen): number =>
  typeof seen.cursor === "number" ? seen.cursor : oldestOf(seen);
