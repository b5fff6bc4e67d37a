/**
 * Looks at a journal without touching it: no lock, no write, nothing set aside. It may be a copy, or belong to a running bridge,
 * whose segments grow and vanish meanwhile: what is seen is each segment as long as it was when it was opened.
 */
import { join } from "node:path";
import { readSegmentHeader, segmentHeaderBytes, segmentNumberOf } from "../../core/segment.ts";
import type { SegmentHeader } from "../../core/segment.ts";
import { placeBytes, readPlace } from "./cursor.ts";
import { codeOf, type File, type Files } from "./files.ts";
import { damagedDirectory } from "./options.ts";
import { readLeniently } from "./segment-reader.ts";
import { readMarks, type Mark } from "./skipped.ts";

export type SegmentSeen = {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Why it cannot be read; null when it can. */
  readonly unreadable:
    | { readonly kind: "version"; readonly version: number }
    | { readonly kind: "header" | "foreign" }
    | null;
  /** Zeros when it is unreadable. */
  readonly header: SegmentHeader;
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

/** Undefined when the file is not there, or no longer. */
export const withFile = async <T>(
  files: Files,
  path: string,
  use: (file: File) => Promise<T>,
): Promise<T | undefined> => {
  let file: File;
  try {
    file = await files.openToRead(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
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

const noHeader: SegmentHeader = { salt: 0, first: 0, createdAt: 0 };

const readSegmentSeen = async (files: Files, directory: string, name: string) => {
  const path = join(directory, name);
  return withFile(files, path, async (file): Promise<SegmentSeen> => {
    const bytes = await file.size();
    const head = Buffer.alloc(Math.min(segmentHeaderBytes, bytes));
    const read = readSegmentHeader(head.subarray(0, await readLeniently({ file }, head, 0)));
    switch (read.kind) {
      case "good":
        return { name, path, bytes, unreadable: null, header: read.header };
      case "version-unknown":
        return {
          name,
          path,
          bytes,
          unreadable: { kind: "version", version: read.version },
          header: noHeader,
        };
      case "damaged":
        return { name, path, bytes, unreadable: { kind: "header" }, header: noHeader };
    }
  });
};

const readSegments = async (files: Files, directory: string): Promise<readonly SegmentSeen[]> => {
  const names = (await files.list(directory)).filter((name) => segmentNumberOf(name) !== null).toSorted();
  const segments: SegmentSeen[] = [];
  let first = 0;
  for (const name of names) {
    const segment = await readSegmentSeen(files, directory, name);
    if (segment === undefined) continue;
    const isForeign = segment.unreadable === null && segment.header.first < first;
    segments.push(isForeign ? { ...segment, unreadable: { kind: "foreign" } } : segment);
    if (!isForeign) first = Math.max(first, segment.header.first);
  }
  return segments;
};

export const inspectJournal = async (files: Files, directory: string): Promise<JournalSeen> => {
  // The cursor first: what is released after that counts as pending still, and nothing is overlooked.
  const cursor = await readCursor(files, directory);
  return {
    directory,
    cursor,
    marks: await readMarks(files, directory),
    segments: await readSegments(files, directory),
    setAside: await files.list(join(directory, damagedDirectory)),
  };
};

/** The first sequence that is in a segment, or should be. */
export const oldestOf = ({ cursor, segments }: JournalSeen): number => {
  const first = segments.find(({ unreadable }) => unreadable === null)?.header.first;
  return typeof cursor === "number" ? Math.min(cursor, first ?? cursor) : (first ?? 1);
};

/** Without a cursor the bridge begins with the oldest. */
export const cursorOf = (seen: JournalSeen): number =>
  typeof seen.cursor === "number" ? seen.cursor : oldestOf(seen);
