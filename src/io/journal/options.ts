import type { JournalKey } from "../../core/journal-keys.ts";
import type { JournalStep } from "../../core/journal.ts";
import type { Files, Space } from "./files.ts";

/** A part of a file that holds no readable callback. */
export type Damage = {
  /** The file in the journal's directory. */
  readonly file: string;
  readonly at: number;
  readonly bytes: number;
  /** `torn`: behind the last good frame, as a power cut leaves it. `damage`: in front of good ones, or known to be missing. */
  readonly kind: "torn" | "damage";
};

/** What the journal tells its owner. None of these may throw. */
export type JournalEvents = {
  /** One for all that waited; where it could be one call with it, the write included. */
  readonly synced: (seconds: number) => void;
  /** A step on the disk failed with the system's code. `write` and `sync` stop appending until `recovered`. */
  readonly failed: (step: JournalStep, code: string) => void;
  readonly recovered: () => void;
  /** Its bytes are in `damaged/`, unless a `failed("salvage")` came before. */
  readonly damaged: (damage: Damage) => void;
  /** So many callbacks are known to have been here and cannot be read. */
  readonly missing: (records: number) => void;
  /** The cursor cannot be read: everything that is retained whole comes again. */
  readonly cursorLost: () => void;
};

export type DiskJournalOptions = {
  readonly directory: string;
  /** All segments together; what is settled is dropped first. At least eight of the largest callbacks. */
  readonly maxBytes: number;
  /** What pending callbacks take in all journals that share `maxBytes`, this one included; without it this one is alone. */
  readonly heldTogether?: () => number;
  /** Below this much free disk space, or a twentieth of the disk if that is less, nothing is taken. */
  readonly minFreeBytes: number;
  /** A segment is closed before it exceeds this, and when it is older than an hour and `retentionMs`. */
  readonly segmentBytes: number;
  /** Callbacks that are kept in memory for the reader; eight times as much when the disk is slower than the callbacks. */
  readonly memoryBytes: number;
  /** How long settled segments stay, */
  readonly retentionMs: number;
  /** how many bytes of them, */
  readonly retentionBytes: number;
  /** and how many callbacks. A segment holds at most a quarter of them. */
  readonly retentionRecords: number;
  /** The longest that an unpublished callback waits for its sync when nobody asks for it. */
  readonly syncIntervalMs: number;
  /** The first one encrypts, all decrypt; none: new segments are not encrypted. */
  readonly keys: readonly JournalKey[];
  readonly files: Files;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly on: JournalEvents;
};

/** What the parts that touch the directory need of it. */
export type Disk = Pick<DiskJournalOptions, "files" | "directory" | "on" | "keys">;

/** How long an append may wait for its write when nobody waits in `stored`. */
export const writeDelayMs = 20;
/** Cursor, retention and free space are looked after this often. */
export const housekeepingMs = 200;
/** The first try after a failure, and each further one. */
export const recoveryDelayMs = 250;
/** Appenders beyond these many, whose entries had to leave the memory unread, do not hear of their settlement. */
export const outcomesKept = 10_000;

/** On a small disk the floor must not be all there is. */
const floorShare = 0.05;

export const isLow = ({ freeBytes, totalBytes }: Space, minFreeBytes: number): boolean =>
  freeBytes < Math.min(minFreeBytes, totalBytes * floorShare);

export const damagedDirectory = "damaged";
