/**
 * The journal on disk: callbacks survive kill -9 and power cuts, and wait there for Kafka as long as it takes.
 *
 * A directory holds
 *     00000000000000000001.journal …  segments (`core/segment.ts`) of frames (`core/frame.ts`), only ever appended to
 *     cursor                          up to which sequence everything is released (`cursor.ts`)
 *     skipped                         records taken out by an operator (`skipped.ts`)
 *     lock                            empty; held by the one process that uses the directory (`files.ts`)
 *     damaged/                        copies of what could not be read (`salvage.ts`), never deleted
 *
 * Invariants
 * - Each callback has a sequence, one more than the one before. It stands for its place everywhere, in the cursor too.
 * - `stored` resolves ok behind the sync of the bytes, of all bytes before them, and of the segment's name.
 * - A file whose write or sync has failed is never written or synced again; see `restartAt` in `flush.ts`.
 * - A segment is removed only when all in it is released.
 * - Each start begins a new segment: nobody writes behind a tail that he has not written.
 */
import { join } from "node:path";
import { frameBytesAtMost, maxPayloadBytes } from "../../core/frame.ts";
import { JournalEntry } from "../../core/entry.ts";
import type { Arrival, Entry, Journal } from "../../core/journal.ts";
import { fail, ok, type Failure, type Result } from "../../core/result.ts";
import { closeBacklog } from "./backlog.ts";
import { codeOf, isSystemError } from "./files.ts";
import { finishWriting, flushLater, flushSoon } from "./flush.ts";
import { keepHouseNow, moveCursor, startHousekeeping } from "./housekeeping.ts";
import type { Unreadable } from "./catalogue.ts";
import { openState } from "./opening.ts";
import type { DiskJournalOptions } from "./options.ts";
import { oldestPendingAt, read, release, wakeReader } from "./reading.ts";
import { readRetained, type Seen } from "./retained.ts";
import { skippedFrom } from "./skipped.ts";
import { askForSync, heldBytes, heldTogether, pushTail, trimTail, type State, type Stored } from "./state.ts";

export type DiskJournal = Journal & {
  /** What pending callbacks take. */
  readonly heldBytes: () => number;
  /** What was accepted before, settled or not, as far back as it is retained; to be read once, right after opening. */
  readonly retained: () => AsyncIterable<readonly Seen[]>;
};

type Refused = Failure<"journal-full" | "journal-failed">;

const refuses = ({ phase, fault }: State): boolean => phase !== "taking" || fault !== null;

const refusalOf = (state: State, bytes: number): Refused | null => {
  const { options } = state;
  if (state.disposed !== null) return fail("journal-failed", "the journal is closed");
  if (refuses(state)) return fail("journal-failed", "the disk refuses");
  if (state.lowDisk) return fail("journal-full", "too little free space on the disk");
  if (bytes > maxPayloadBytes) return fail("journal-full", `${bytes} bytes are too many for one callback`);
  const pending = heldTogether(state) + bytes;
  if (pending > options.maxBytes) return fail("journal-full", `${pending} bytes are waiting`);
  // Read or not, what is not yet on the disk stays in memory.
  if (state.tailBytes > 8 * options.memoryBytes) return fail("journal-failed", "the disk does not keep up");
  return null;
};

/** More is in memory than should be, or on the disk than may be. */
const makeRoom = (state: State): void => {
  const { options, catalogue } = state;
  if (state.tailBytes > options.memoryBytes) trimTail(state);
  // Only what is synced may go unread. Not at every append: one sync makes room for many.
  if (state.tailBytes > options.memoryBytes * 4) {
    askForSync(state);
    flushSoon(state);
  }
  const used = heldTogether(state) + catalogue.retainedBytes;
  if (used > options.maxBytes) keepHouseNow(state);
};

const append = (state: State, arrival: Arrival): Result<Entry, "journal-full" | "journal-failed"> => {
  const refused = refusalOf(state, frameBytesAtMost(arrival));
  if (refused !== null) {
    state.roomWanted ||= refused.code === "journal-full";
    return refused;
  }
  // After a rest the last look at the disk may be a second old.
  if (state.cursor.durable === state.next) keepHouseNow(state);
  const entry = new JournalEntry(arrival, state.next);
  pushTail(state, entry);
  flushLater(state);
  makeRoom(state);
  // One that is behind the tail has nothing to gain: it pauses because the disk refuses.
  if (state.read >= state.tailFirst) wakeReader(state);
  return ok(entry);
};

const stored = (state: State, { sequence }: Entry): Promise<Stored> => {
  if (sequence < state.firstOwn)
    return Promise.resolve(fail("journal-failed", "another process has written it"));
  if (sequence < state.synced) return Promise.resolve(ok(undefined));
  if (state.disposed !== null) return Promise.resolve(fail("journal-failed", "the journal is closed"));
  if (refuses(state)) return Promise.resolve(fail("journal-failed", "the disk refuses"));
  const { promise, resolve } = Promise.withResolvers<Stored>();
  state.waiters.push({ sequence, resolve });
  flushSoon(state);
  return promise;
};

const close = (state: State): void => {
  state.closed = true;
  wakeReader(state);
};

const closeFiles = async (state: State): Promise<void> => {
  try {
    await closeBacklog(state.backlog);
  } finally {
    await state.cursor.file.close();
  }
};

const dispose = async (state: State): Promise<void> => {
  clearInterval(state.housekeepingTimer ?? undefined);
  close(state);
  await state.reading;
  await finishWriting(state);
  await state.housekeeping;
  await moveCursor(state);
  try {
    await closeFiles(state);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    state.options.on.failed("read", codeOf(error));
  } finally {
    state.lock.release();
  }
};

/** Of a callback: with less room than that the journal counts as full. */
const usualBytes = 4096;

const toJournal = (state: State): DiskJournal => ({
  durable: true,
  append: (arrival) => append(state, arrival),
  stored: (entry) => stored(state, entry),
  read: (limit) => read(state, limit),
  release: (count) => release(state, count),
  status: () => ({
    // Without those that were passed over: whoever waits for this many must be given as many.
    pendingRecords:
      state.inFlight.length() + state.next - state.read - skippedFrom(state.backlog.skipped, state.read),
    oldestPendingAt: oldestPendingAt(state),
    refusal: refusalOf(state, usualBytes)?.detail ?? null,
    bytes: heldBytes(state) + state.catalogue.retainedBytes,
  }),
  close: () => close(state),
  heldBytes: () => heldBytes(state),
  retained: () => readRetained(state),
  [Symbol.asyncDispose]: () => {
    state.disposed ??= Promise.resolve().then(() => dispose(state));
    return state.disposed;
  },
});

const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Opens a journal, or makes one. Quick however much is pending: only the last segment is read through.
 * The failures end the start: another process has the directory, it cannot be used, or a newer version wrote it.
 */
export const openDiskJournal = async (
  options: DiskJournalOptions,
): Promise<Result<DiskJournal, Unreadable | "journal-locked">> => {
  const { files, directory } = options;
  try {
    await files.makeDirectory(directory);
    const lock = files.lock(join(directory, "lock"));
    if (lock === null) return fail("journal-locked", `${directory} is in use by another process`);
    const opened = await openState(options, lock);
    if (!opened.ok) return opened;
    startHousekeeping(opened.value);
    return ok(toJournal(opened.value));
  } catch (error) {
    if (codeOf(error) === "unknown") throw error;
    return fail("journal-unusable", `${directory}: ${detailOf(error)}`);
  }
};
