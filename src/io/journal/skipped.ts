/**
 * The file `skipped`: records that an operator has taken out of the queue, each of them in a file of its own by then. The
 * reader passes over them. ASCII, one line each:
 *
 *     eSignSkipped 1
 *     <sequence> <event id>
 *     …
 *     crc <CRC32 over all lines before, 8 hex digits>
 *
 * Written whole under another name and renamed, only by one who holds the lock. A mark holds for a record that has both its
 * sequence and its event id. It stays as long as a segment may hold that record, so that neither a lost cursor nor the
 * repeat index forgets it, and goes at the first start after that.
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { codeOf, isSystemError, type Files } from "./files.ts";
import type { Disk } from "./options.ts";
import { readWhole, removeIfThere, replaceWhole } from "./whole-file.ts";

export type Mark = { readonly sequence: number; readonly eventId: string };

/** Event ids by sequence. */
export type Skipped = ReadonlyMap<number, string>;

const firstLine = "eSignSkipped 1";
const name = "skipped";

const textOf = (marks: readonly Mark[]): string => {
  const lines = [firstLine, ...marks.map(({ sequence, eventId }) => `${sequence} ${eventId}`)];
  const body = `${lines.join("\n")}\n`;
  return `${body}crc ${crc32(body).toString(16).padStart(8, "0")}\n`;
};

const markOf = (line: string): Mark | null => {
  const [, sequence, eventId] = /^(\d{1,16}) ([0-9a-f]{32})$/.exec(line) ?? [];
  return sequence === undefined || eventId === undefined ? null : { sequence: Number(sequence), eventId };
};

/** Null when it is damaged, or of another version. */
const parse = (text: string): readonly Mark[] | null => {
  const [first, ...lines] = text.split("\n").slice(0, -2);
  const marks = lines.map(markOf).filter((mark) => mark !== null);
  return first === firstLine && textOf(marks) === text ? marks : null;
};

/** Empty when there is no such file, null when it cannot be understood. */
export const readMarks = async (files: Files, directory: string): Promise<readonly Mark[] | null> => {
  const bytes = await readWhole(files, join(directory, name));
  return bytes === null ? [] : parse(bytes.toString("latin1"));
};

export const writeMarks = async (files: Files, directory: string, marks: readonly Mark[]): Promise<void> => {
  if (marks.length > 0)
    return replaceWhole(files, directory, { name, bytes: Buffer.from(textOf(marks), "latin1") });
  await removeIfThere(files, join(directory, name));
  await files.syncDirectory(directory);
};

/**
 * The marks for records from `oldest` up to `next`; null when they cannot be read. The others go for good: what is older is in no
 * segment, and from `next` on sequences are given to other records.
 */
export const loadSkipped = async (
  disk: Disk,
  { oldest, next }: { readonly oldest: number; readonly next: number },
): Promise<Skipped | null> => {
  const { files, directory, on } = disk;
  let kept: readonly Mark[] | null = null;
  try {
    const marks = await readMarks(files, directory);
    // Not honoured, and not removed: the records come once more, and whoever set the marks must hear of it.
    if (marks === null) on.failed("skip", "damaged");
    kept = marks?.filter(({ sequence }) => sequence >= oldest && sequence < next) ?? null;
    if (marks !== null && kept !== null && kept.length < marks.length)
      await writeMarks(files, directory, kept);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    on.failed("skip", codeOf(error));
  }
  return kept === null ? null : new Map(kept.map(({ sequence, eventId }) => [sequence, eventId]));
};

/** How many of the records from `sequence` on nobody will be given. */
export const skippedFrom = (skipped: Skipped | null, sequence: number): number => {
  let count = 0;
  for (const marked of skipped?.keys() ?? []) if (marked >= sequence) count += 1;
  return count;
};
