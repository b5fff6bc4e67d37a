import { setTimeout as pause } from "node:timers/promises";
import { createQueue } from "../../core/queue.ts";
import { ok, type Result } from "../../core/result.ts";
import { createBacklog } from "./backlog.ts";
import { openCatalogue, retainReleased, type Catalogue, type Segment, type Unreadable } from "./catalogue.ts";
import { openCursor, writeCursor, type Cursor } from "./cursor.ts";
import { codeOf, isSystemError, type File, type Lock } from "./files.ts";
import { isLow, recoveryDelayMs, type Disk, type DiskJournalOptions } from "./options.ts";
import { salvage } from "./salvage.ts";
import { createSegmentReader, findSegmentEnd } from "./segment-reader.ts";
import { loadSkipped } from "./skipped.ts";
import type { State } from "./state.ts";

const slabBytes = 1024 * 1024;

const syncIfPossible = async (disk: Disk, file: File): Promise<void> => {
  try {
    await file.sync();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    disk.on.failed("sync", codeOf(error));
  }
};

const mostTries = 5;

/** A disk that fails for a moment does not end the start. */
const persistently = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let left = mostTries - 1; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (!isSystemError(error) || left === 0) throw error;
    }
    await pause(recoveryDelayMs);
  }
};

/**
 * Syncs and measures the segment that the process before was writing. As a rule all of it is durable then; not if a sync had
 * failed before, which nobody knows any more.
 */
const finishSegment = async (disk: Disk, segment: Segment): Promise<number> => {
  const file = await disk.files.openToRead(segment.path);
  try {
    await syncIfPossible(disk, file);
    const { nextIndex, torn } = await persistently(() => findSegmentEnd(createSegmentReader(file, segment)));
    if (torn !== null) await salvage(disk, segment, { ...torn, kind: "torn" });
    return segment.first + nextIndex;
  } finally {
    await file.close();
  }
};

/** Where reading begins, and where appending does. A cursor beyond the files is right: what is released need not be there. */
const placesOf = async (disk: Disk, catalogue: Catalogue, cursor: Cursor) => {
  const { held } = catalogue;
  const oldest = held[0]?.first ?? 1;
  const last = held.at(-1);
  const end = last === undefined ? oldest : await finishSegment(disk, last);
  const read = cursor.lost ? oldest : cursor.durable;
  return { read, next: Math.max(end, read) };
};

/** Both places: what goes over them later needs no room on the disk. */
const beginCursor = async (disk: Disk, cursor: Cursor, read: number): Promise<void> => {
  try {
    await writeCursor(cursor, read);
    await writeCursor(cursor, read);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    disk.on.failed("cursor", codeOf(error));
  }
};

/**
 * What a place of the cursor did not tell now it must never tell later: its sequences are given to other callbacks, which would
 * then count as released. So it is written anew before any of those, or the start ends.
 */
const silence = async (cursor: Cursor, read: number): Promise<void> => {
  // Each goes over a place that gave nothing, as long as there is one.
  for (let left = cursor.silent; left > 0; left -= 1) await persistently(() => writeCursor(cursor, read));
};

/** Says what went wrong instead of throwing it, which would hide why the journal could not be opened. */
const closeCursor = async (disk: Disk, cursor: Cursor): Promise<void> => {
  try {
    await cursor.file.close();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    disk.on.failed("cursor", codeOf(error));
  }
};

type Parts = {
  readonly options: DiskJournalOptions;
  readonly lock: Lock;
  readonly catalogue: Catalogue;
  readonly cursor: Cursor;
};

const createState = (parts: Parts, { read, next }: { read: number; next: number }): State => ({
  ...parts,
  firstOwn: next,
  backlog: createBacklog(parts, read),
  tail: createQueue(),
  tailFirst: next,
  tailBytes: 0,
  inFlight: createQueue(),
  outcomes: new Map(),
  next,
  written: next,
  synced: next,
  read,
  readerStalls: false,
  phase: "taking",
  active: null,
  unwrittenBytes: 0,
  waiters: [],
  syncGoal: 0,
  lastWhole: next - 1,
  due: next,
  dueNext: next,
  slab: Buffer.allocUnsafeSlow(slabBytes),
  step: "write",
  flushing: null,
  flushTimer: null,
  flushSoon: null,
  recoveryTimer: null,
  housekeepingTimer: null,
  housekeeping: null,
  reading: null,
  wakeReader: null,
  lastReadAt: parts.catalogue.held[0]?.createdAt ?? 0,
  lowDisk: false,
  roomWanted: false,
  fault: null,
  closed: false,
  disposed: null,
});

export const openState = async (
  options: DiskJournalOptions,
  lock: Lock,
): Promise<Result<State, Unreadable>> => {
  await using undo = new AsyncDisposableStack();
  undo.defer(() => lock.release());
  const catalogue = await openCatalogue(options);
  if (!catalogue.ok) return catalogue;
  const cursor = await openCursor(options.files, options.directory);
  undo.defer(() => closeCursor(options, cursor));
  const places = await placesOf(options, catalogue.value, cursor);
  if (cursor.lost && catalogue.value.held.length > 0) options.on.cursorLost();
  // From the first moment on there is one: without it a later start could not tell a new journal from a damaged one.
  if (cursor.lost && cursor.silent === 0) await beginCursor(options, cursor, places.read);
  await silence(cursor, places.read);
  const oldest = catalogue.value.held[0]?.first ?? Infinity;
  const skipped = await loadSkipped(options, { oldest, next: places.next });
  retainReleased(catalogue.value, places.read);
  const state = createState({ options, lock, catalogue: catalogue.value, cursor }, places);
  state.backlog.skipped = skipped;
  state.lowDisk = isLow(await options.files.space(options.directory), options.minFreeBytes);
  undo.move();
  return ok(state);
};
