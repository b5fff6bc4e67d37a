import { openFrame } from "../../core/frame.ts";
import type { Arrival, BatchLimit } from "../../core/journal.ts";
import { segmentAfter, segmentHolding, type Catalogue, type Segment } from "./catalogue.ts";
import { writeCursor, type Cursor } from "./cursor.ts";
import { type File, type Lock, openIfThere } from "./files.ts";
import type { Disk } from "./options.ts";
import { salvage } from "./salvage.ts";
import type { Skipped } from "./skipped.ts";
import {
  acceptFrame,
  createSegmentReader,
  fillWindow,
  peekFrame,
  segmentStart,
  type SegmentFrame,
  type FileRange,
  type SegmentReader,
} from "./segment-reader.ts";

/** Reads what is no longer, or was never, in memory: segment by segment, each callback once, from `sequence` on. */
export type Backlog = {
  readonly disk: Disk;
  readonly lock: Lock;
  readonly catalogue: Catalogue;
  readonly cursor: Cursor;
  /** Everything before it was released when this began. */
  readonly released: number;
  /** The next callback to read. */
  sequence: number;
  /** Never given out; null when nobody can tell. */
  skipped: Skipped | null;
  open: Open | null;
};

/** With the pause after each, some five seconds. */
const patientReads = 20;

type Open = { readonly segment: Segment; readonly reader: SegmentReader };

export type Stored = { readonly arrival: Arrival; readonly sequence: number };

type Parts = Pick<Backlog, "lock" | "catalogue" | "cursor"> & { readonly options: Disk };

export const createBacklog = ({ options, ...parts }: Parts, sequence: number): Backlog => ({
  ...parts,
  disk: options,
  released: sequence,
  sequence,
  skipped: null,
  open: null,
});

export const closeBacklog = async (backlog: Backlog): Promise<void> => {
  const { open } = backlog;
  backlog.open = null;
  await open?.reader.file.close();
};

/** Goes on behind callbacks that exist nowhere. */
const skipTo = (backlog: Backlog, sequence: number): void => {
  if (sequence <= backlog.sequence) return;
  backlog.disk.on.missing(sequence - backlog.sequence);
  backlog.sequence = sequence;
};

/** The nearest known place in front of the next callback. */
const markBefore = (segment: Segment, sequence: number) => {
  const index = sequence - segment.first;
  return segment.marks.findLast((mark) => mark.index <= index) ?? segmentStart;
};

const endOf = ({ catalogue }: Backlog, segment: Segment | undefined): number =>
  (segment === undefined ? undefined : segmentAfter(catalogue.held, segment)?.first) ?? Infinity;

/**
 * Null when the file is not there, and the directory is. One that was moved or removed may come back with its files; and
 * another one at the same path has files of the same names. So it is looked for on both sides.
 */
const tryToOpen = async ({ disk, lock }: Backlog, { path }: Segment): Promise<File | null> => {
  await lock.check();
  const file = await openIfThere(disk.files, path);
  try {
    await lock.check();
    return file;
  } catch (error) {
    await file?.close();
    throw error;
  }
};

/** Null when the file is gone, whoever took it. */
const openSegment = async (backlog: Backlog, segment: Segment): Promise<Open | null> => {
  if (backlog.open?.segment === segment) return backlog.open;
  await closeBacklog(backlog);
  // Twice: a directory that was away may be back just before it is looked for.
  const file = (await tryToOpen(backlog, segment)) ?? (await tryToOpen(backlog, segment));
  if (file === null) return null;
  const reader = createSegmentReader(file, segment, markBefore(segment, backlog.sequence));
  reader.patience = patientReads;
  // In place: a full disk takes it too, where a new file would be refused without a look at the disk.
  reader.prove = () => writeCursor(backlog.cursor, backlog.released);
  backlog.open = { segment, reader };
  return backlog.open;
};

type Taking = {
  readonly limit: BatchLimit;
  /** The first sequence that is to be had from memory. */
  readonly until: number;
  readonly taken: Stored[];
  bytes: number;
};

const isFull = ({ taken, limit }: Taking): boolean => taken.length >= limit.entries;

const fits = (taking: Taking, arrival: Arrival): boolean =>
  taking.taken.length === 0 || taking.bytes + arrival.body.length <= taking.limit.bytes;

const salvageDamage = async (backlog: Backlog, segment: Segment, damage: FileRange | null): Promise<void> => {
  if (damage === null) return;
  // By its name there may be another file now.
  await backlog.lock.check();
  await salvage(backlog.disk, segment, { ...damage, kind: "damage" });
};

/** False when the frame does not fit the batch any more, and stays for the next one. */
const takeFrame = async (
  backlog: Backlog,
  { segment, reader }: Open,
  { frame, taking }: { readonly frame: SegmentFrame; readonly taking: Taking },
): Promise<boolean> => {
  const content = openFrame(segment.cipher, frame);
  const arrival = content?.arrival ?? null;
  if (arrival !== null && !fits(taking, arrival)) return false;
  await salvageDamage(backlog, segment, frame.damage);
  // Its CRC is good, but no version that we know has written it, or not with this key in this place.
  const unknown = content === null ? { at: frame.start, bytes: frame.end - frame.start } : null;
  await salvageDamage(backlog, segment, unknown);
  acceptFrame(reader, frame);
  if (unknown !== null) return true;
  const sequence = segment.first + frame.index;
  skipTo(backlog, sequence);
  backlog.sequence = sequence + 1;
  if (arrival === null || backlog.skipped?.get(sequence) === arrival.eventId) return true;
  taking.taken.push({ arrival, sequence });
  taking.bytes += arrival.body.length;
  return true;
};

/** Takes from one segment until it or the batch is at its end; false when the batch is. */
const takeFromSegment = async (backlog: Backlog, open: Open, taking: Taking): Promise<boolean> => {
  const { segment, reader } = open;
  const end = Math.min(endOf(backlog, segment), taking.until);
  reader.fileBytes = Math.max(reader.fileBytes, segment.bytes);
  while (backlog.sequence < end) {
    if (isFull(taking)) return false;
    const step = peekFrame(reader);
    if (step.kind === "more") {
      await fillWindow(reader);
    } else if (step.kind === "end" || segment.first + step.index >= end) {
      await salvageDamage(backlog, segment, step.damage);
      break;
    } else if (segment.first + step.index < backlog.sequence) {
      // Released long ago: no concern of anybody's, nor is damage in front of it.
      acceptFrame(reader, step);
    } else if (!(await takeFrame(backlog, open, { frame: step, taking }))) {
      return false;
    }
  }
  skipTo(backlog, end);
  return true;
};

const takeAll = async (backlog: Backlog, taking: Taking): Promise<void> => {
  const { until } = taking;
  while (backlog.sequence < until) {
    const segment = segmentHolding(backlog.catalogue.held, backlog.sequence);
    if (segment !== undefined) skipTo(backlog, Math.min(segment.first, until));
    const open = segment === undefined ? null : await openSegment(backlog, segment);
    if (segment === undefined || open === null) {
      skipTo(backlog, Math.min(endOf(backlog, segment), until));
    } else if (!(await takeFromSegment(backlog, open, taking))) {
      return;
    }
  }
  // Memory goes on from here; another time of falling behind begins at another place.
  await closeBacklog(backlog);
};

/** The next callbacks below `until`, within the limit; empty when those that it has passed are done with or unreadable. */
export const takeFromBacklog = async (
  backlog: Backlog,
  limit: BatchLimit,
  until: number,
): Promise<readonly Stored[]> => {
  const taking: Taking = { limit, until, taken: [], bytes: 0 };
  const { sequence } = backlog;
  try {
    await takeAll(backlog, taking);
  } catch (error) {
    // What was taken is passed and must be given out; the fault comes again at the next call if it lasts.
    if (backlog.sequence === sequence) throw error;
  }
  return taking.taken;
};

/** Goes on at another place: the memory has given out what is before it. */
export const moveBacklog = async (backlog: Backlog, sequence: number): Promise<void> => {
  if (sequence === backlog.sequence) return;
  await closeBacklog(backlog);
  backlog.sequence = sequence;
};
