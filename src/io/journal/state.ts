import type { JournalEntry, Outcome } from "../../core/entry.ts";
import type { Entry } from "../../core/journal.ts";
import { frameBytesAtMost } from "../../core/frame.ts";
import type { Queue } from "../../core/queue.ts";
import type { Result } from "../../core/result.ts";
import type { Backlog } from "./backlog.ts";
import type { Catalogue, Segment } from "./catalogue.ts";
import type { Cursor } from "./cursor.ts";
import type { Lock, NewFile } from "./files.ts";
import { outcomesKept, type DiskJournalOptions } from "./options.ts";

export type Stored = Result<undefined, "journal-failed">;

/** The segment that is being written. */
export type Active = {
  readonly segment: Segment;
  readonly file: NewFile;
  /** Its name in the directory survives a power cut. */
  named: boolean;
};

/**
 * Everything a journal on disk knows. Four sequences cut the callbacks into parts; each rises, and each but the last is at
 * most the next: released ≤ read ≤ next, synced ≤ written ≤ next.
 *
 * The tail holds the callbacks from `tailFirst` up to `next`, without a gap. One may leave it when it is written, and
 * either released or synced: what is neither would be needed again if the disk failed.
 */
export type State = {
  readonly options: DiskJournalOptions;
  readonly lock: Lock;
  readonly catalogue: Catalogue;
  readonly cursor: Cursor;
  readonly backlog: Backlog;
  readonly tail: Queue<JournalEntry>;
  tailFirst: number;
  tailBytes: number;
  /** Read and not released, oldest first. */
  readonly inFlight: Queue<Entry>;
  /** Of callbacks that had to leave the tail before they were read, while someone waits for them. */
  readonly outcomes: Map<number, Outcome>;
  /** Where the next append comes. */
  next: number;
  /** Everything before it is in a file, though perhaps only in the system's memory. */
  written: number;
  /** Everything before it survives a power cut, or was released. */
  synced: number;
  /**
   * Where this process began. What is before it is readable, and perhaps gone with the power: a sync that failed in the process
   * that wrote it makes those behind it succeed without the bytes. Who was to hear that it is stored has heard it there.
   */
  readonly firstOwn: number;
  /** What the reader gets next. */
  read: number;
  /** It has taken nothing for some time, though there is something. */
  readerStalls: boolean;
  /** `failing` and `recovering`: the disk refuses; nothing is appended, everything in the tail stays readable. */
  phase: "taking" | "failing" | "recovering";
  active: Active | null;
  unwrittenBytes: number;
  waiters: { readonly sequence: number; readonly resolve: (stored: Stored) => void }[];
  /** Everything before it is to be synced though nobody waits. */
  syncGoal: number;
  /** The last one that was written whole. */
  lastWhole: number;
  /** Everything before it is to be written though nobody waits, */
  due: number;
  /** and this is, when the timer goes off the next time. */
  dueNext: number;
  /** Frames are gathered here, so that many callbacks cost one copy each and one write together. */
  readonly slab: Buffer;
  step: "write" | "sync";
  flushing: Promise<void> | null;
  flushTimer: NodeJS.Timeout | null;
  flushSoon: NodeJS.Immediate | null;
  recoveryTimer: NodeJS.Timeout | null;
  housekeepingTimer: NodeJS.Timeout | null;
  housekeeping: Promise<void> | null;
  reading: Promise<unknown> | null;
  wakeReader: (() => void) | null;
  /** `receivedAt` of the last one that was read from the disk, or of the next one to be read from there. */
  lastReadAt: number;
  lowDisk: boolean;
  /** A callback was refused because the journal is full. */
  roomWanted: boolean;
  /** Why nothing more may be written to the open files, though the system would let us. */
  fault: unknown;
  closed: boolean;
  disposed: Promise<void> | null;
};

/** What an entry holds in memory besides its body, as measured. */
const entryBytes = 1024;

/** What pending callbacks take on the disk, or are about to. */
export const heldBytes = ({ catalogue, unwrittenBytes }: State): number =>
  catalogue.heldBytes + unwrittenBytes;

/** The same, of all that share the limit. */
export const heldTogether = (state: State): number => state.options.heldTogether?.() ?? heldBytes(state);

export const releasedOf = (state: State): number => state.inFlight.at(0)?.sequence ?? state.read;

export const tailEntry = (state: State, sequence: number): JournalEntry | undefined =>
  state.tail.at(sequence - state.tailFirst);

export const pushTail = (state: State, entry: JournalEntry): void => {
  state.tail.push(entry);
  state.next += 1;
  state.tailBytes += entry.arrival.body.length + entryBytes;
  state.unwrittenBytes += frameBytesAtMost(entry.arrival);
};

export const askForSync = (state: State): void => {
  state.syncGoal = state.next;
};

export const isSyncWanted = ({ synced, syncGoal, waiters }: State): boolean =>
  synced < syncGoal || waiters.length > 0;

const keepOutcome = ({ outcomes }: State, { sequence, outcome }: JournalEntry): void => {
  if (outcome.isAwaited) outcomes.set(sequence, outcome);
  // They leave in order. To look for the oldest would be slow: a map walks past all that was deleted from it.
  if (outcomes.size > 0) outcomes.delete(sequence - outcomesKept);
};

const mayLeave = (state: State, sequence: number): boolean => {
  if (sequence >= state.written) return false;
  if (sequence < state.read) return sequence < state.synced || sequence < releasedOf(state);
  return sequence < state.synced && (state.readerStalls || state.tailBytes > state.options.memoryBytes);
};

/** Lets go of what memory need not hold any more. */
export const trimTail = (state: State): void => {
  while (state.tailFirst < state.next && mayLeave(state, state.tailFirst)) {
    const entry = state.tail.shift();
    if (entry === undefined) return;
    state.tailFirst += 1;
    state.tailBytes -= entry.arrival.body.length + entryBytes;
    if (entry.sequence >= state.read) keepOutcome(state, entry);
    if (entry.sequence === state.read) state.lastReadAt = entry.arrival.receivedAt;
  }
};
