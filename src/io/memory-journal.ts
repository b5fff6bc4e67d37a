import { setImmediate as turn } from "node:timers/promises";
import { JournalEntry } from "../core/entry.ts";
import type { Arrival, BatchLimit, Entry, Journal } from "../core/journal.ts";
import { createQueue, type Queue } from "../core/queue.ts";
import { fail, ok, type Result } from "../core/result.ts";

export type MemoryJournalOptions = {
  /** Bodies and what each entry costs besides; above it, `journal-full`. */
  readonly maxBytes: number;
  /** Of all journals that share `maxBytes`, this one included; without it this one is alone. */
  readonly heldTogether?: () => number;
};

export type MemoryJournal = Journal & { readonly heldBytes: () => number };

type State = {
  readonly options: MemoryJournalOptions;
  readonly pending: Queue<Entry>;
  nextSequence: number;
  bytes: number;
  /** How many of the pending ones were read. */
  inFlight: number;
  wakeReader: (() => void) | null;
  closed: boolean;
  disposed: boolean;
};

/** What an entry holds besides its body, so that tiny bodies are bounded too. */
const entryBytes = 512;

const sizeOf = (arrival: Arrival): number => arrival.body.length + entryBytes;

const wake = (state: State): void => {
  state.wakeReader?.();
  state.wakeReader = null;
};

const heldTogether = ({ options, bytes }: State): number => options.heldTogether?.() ?? bytes;

const refusalOf = (state: State): string | null => {
  const held = heldTogether(state);
  return held + entryBytes > state.options.maxBytes ? `${held} bytes are waiting` : null;
};

const append = (state: State, arrival: Arrival): Result<Entry, "journal-full" | "journal-failed"> => {
  if (state.disposed) return fail("journal-failed", "the journal is closed");
  const size = sizeOf(arrival);
  const held = heldTogether(state);
  if (held + size > state.options.maxBytes) return fail("journal-full", `${held} bytes are waiting`);
  const entry = new JournalEntry(arrival, state.nextSequence);
  state.nextSequence += 1;
  state.bytes += size;
  state.pending.push(entry);
  wake(state);
  return ok(entry);
};

const take = (state: State, limit: BatchLimit): readonly Entry[] => {
  const batch: Entry[] = [];
  let size = 0;
  while (batch.length < limit.entries) {
    const entry = state.pending.at(state.inFlight);
    if (entry === undefined) break;
    size += entry.arrival.body.length;
    if (size > limit.bytes && batch.length > 0) break;
    batch.push(entry);
    state.inFlight += 1;
  }
  return batch;
};

const read = async (state: State, limit: BatchLimit): Promise<readonly Entry[]> => {
  if (state.wakeReader !== null) throw new Error("two reads of one journal at a time");
  const mayWait = limit.wait !== false && !state.closed;
  if (mayWait && state.pending.length() === state.inFlight) {
    const { promise, resolve } = Promise.withResolvers<void>();
    state.wakeReader = resolve;
    await promise;
    await turn();
  }
  return take(state, limit);
};

const release = (state: State, count: number): void => {
  if (count > state.inFlight) throw new RangeError(`${count} released, but only ${state.inFlight} were read`);
  for (let i = 0; i < count; i += 1) {
    const entry = state.pending.shift();
    if (entry !== undefined) state.bytes -= sizeOf(entry.arrival);
  }
  state.inFlight -= count;
};

const close = (state: State): void => {
  state.closed = true;
  wake(state);
};

/** Keeps callbacks until Kafka has them or the process ends: nothing may be acknowledged before Kafka has it. */
export const openMemoryJournal = (options: MemoryJournalOptions): MemoryJournal => {
  const state: State = {
    options,
    pending: createQueue(),
    nextSequence: 1,
    bytes: 0,
    inFlight: 0,
    wakeReader: null,
    closed: false,
    disposed: false,
  };
  return {
    durable: false,
    append: (arrival) => append(state, arrival),
    stored: () => Promise.resolve(fail("journal-failed", "this journal keeps nothing on disk")),
    read: (limit) => read(state, limit),
    release: (count) => release(state, count),
    status: () => ({
      pendingRecords: state.pending.length(),
      oldestPendingAt: state.pending.at(0)?.arrival.receivedAt ?? null,
      refusal: refusalOf(state),
      bytes: state.bytes,
    }),
    heldBytes: () => state.bytes,
    close: () => close(state),
    [Symbol.asyncDispose]: () => {
      state.disposed = true;
      close(state);
      return Promise.resolve();
    },
  };
};
