import type { DeadLetterReason, Result } from "./result.ts";

/** Why a record goes to the dead letters, and which topic it would have gone to. */
export type DeadLetter = {
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly topic: string;
};

/** An admitted callback as the journal keeps it: the raw bytes and nothing derived from them but the id. */
export type Arrival = {
  /** 32 hex digits: the first 16 bytes of SHA-256 over the body. */
  readonly eventId: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Name of the key or token that let it in; null under `AUTH=none`. */
  readonly source: string | null;
  readonly body: Buffer;
  /** Set when the relay has already given it up for its own topic, and only the dead letters are left. */
  readonly deadLetter: DeadLetter | null;
};

/** How a callback ended: the event's name for the metrics, and whether an earlier one of the same bytes stands for it. */
export type Settlement = { readonly event: string; readonly repeat?: boolean };

/**
 * An arrival in a journal. The appender and the reader may hold two objects for one arrival (the reader's may come from
 * the disk): they are the same settlement. Nobody changes the body after the append.
 */
export type Entry = {
  readonly arrival: Arrival;
  /** Its number in its journal: rises by one with every append. */
  readonly sequence: number;
  /**
   * Resolves when Kafka has acknowledged the record; never rejects, and stays open while it waits. The appender asks at once:
   * later the journal may have let go of an entry that nobody waits for.
   */
  readonly settled: Promise<Settlement>;
  /** Called once by the relay. */
  readonly settle: (settlement: Settlement) => void;
};

/** What can fail on the disk, as `journal_failures_total` names it, and what that means. */
export const journalSteps = {
  write: "callbacks are answered 503 until the disk takes them",
  sync: "nothing counts as stored, and callbacks are answered 503, until a sync succeeds",
  cursor: "more is published again after the next kill -9",
  read: "what waits cannot be read: tried again",
  salvage: "unreadable bytes are not in damaged/: their segment stays instead",
  retention: "what is settled is not dropped: the folder grows",
  skip: "the list of skipped callbacks cannot be read: they come once more, and fewer repeats are known",
  open: "the journal of a parked topic cannot be opened: nothing of the topic is sent",
  "schema-ids": "the ids of the schemas are not kept: a restart needs the registry",
} as const;
export type JournalStep = keyof typeof journalSteps;

export type BatchLimit = {
  /** At most this many entries. */
  readonly entries: number;
  /** Stop before the bodies exceed this many bytes; one entry is always returned, however large. */
  readonly bytes: number;
  /** False: do not wait for the first one. */
  readonly wait?: boolean;
};

export type JournalStatus = {
  /** Kept and not yet released. */
  readonly pendingRecords: number;
  /** `receivedAt` of the oldest pending entry, null when there is none. */
  readonly oldestPendingAt: number | null;
  /** Bytes held: in memory, or on disk with what is retained. */
  readonly bytes: number;
};

/** `refusal`: why nothing is taken now, in words; null when something is. */
export type JournalState = JournalStatus & { readonly refusal: string | null };

/**
 * Keeps admitted callbacks, in order, until Kafka has them.
 *
 * Callers: ingress appends and may wait for `stored`; one relay reads and releases. All calls come from one thread.
 */
export interface Journal extends AsyncDisposable {
  /** True when `stored` can ever succeed: a 2xx may be given without Kafka. */
  readonly durable: boolean;
  /**
   * Takes an arrival at once and makes it readable. Not yet on disk: see `stored`.
   * Fails with `journal-full` at its limit and `journal-failed` while the disk refuses; nothing was taken then.
   */
  append(arrival: Arrival): Result<Entry, "journal-full" | "journal-failed">;
  /**
   * Resolves ok when the entry survives a power cut. `journal-failed`: this journal keeps nothing on disk, or the write or the
   * sync failed, or an earlier process wrote it, whose sync may have; the entry can still be read and published, but must not
   * be acknowledged for having been stored.
   */
  stored(entry: Entry): Promise<Result<undefined, "journal-failed">>;
  /**
   * The next entries that were not read yet, oldest first. Waits for the first one, and then for those that come in the
   * same turn of the event loop: they go to Kafka together. Empty only after `close`, or when asked not to wait: those that
   * count as pending may be missing, or on a disk that cannot be read now.
   */
  read(limit: BatchLimit): Promise<readonly Entry[]>;
  /** The oldest `count` entries read and not released are done with (published, dead-lettered or parked elsewhere). */
  release(count: number): void;
  status(): JournalState;
  /** Lets no `read` wait any more: each gives what there is, at last an empty batch. Appending stays possible. */
  close(): void;
}
