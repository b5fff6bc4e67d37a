import { setImmediate as turn } from "node:timers/promises";
import { JournalEntry } from "../../core/entry.ts";
import type { BatchLimit, Entry } from "../../core/journal.ts";
import { moveBacklog, takeFromBacklog } from "./backlog.ts";
import { retainReleased } from "./catalogue.ts";
import { codeOf, isSystemError } from "./files.ts";
import { recoveryDelayMs } from "./options.ts";
import { releasedOf, tailEntry, trimTail, type State } from "./state.ts";

export const wakeReader = (state: State): void => {
  state.wakeReader?.();
  state.wakeReader = null;
};

const takeFromTail = (state: State, limit: BatchLimit): readonly Entry[] => {
  const batch: Entry[] = [];
  let bytes = 0;
  while (batch.length < limit.entries) {
    const entry = tailEntry(state, state.read);
    if (entry === undefined) break;
    bytes += entry.arrival.body.length;
    if (bytes > limit.bytes && batch.length > 0) break;
    batch.push(entry);
    state.inFlight.push(entry);
    state.read += 1;
  }
  return batch;
};

const takeFromDisk = async (state: State, limit: BatchLimit): Promise<readonly Entry[]> => {
  const { backlog, outcomes, inFlight } = state;
  await moveBacklog(backlog, state.read);
  const taken = await takeFromBacklog(backlog, limit, state.tailFirst);
  const batch = taken.map(
    ({ arrival, sequence }) => new JournalEntry(arrival, sequence, outcomes.get(sequence)),
  );
  for (const entry of batch) inFlight.push(entry);
  // Of those that were passed over too: nothing before `read` is kept, which bounds what is.
  for (let passed = state.read; outcomes.size > 0 && passed < backlog.sequence; passed += 1)
    outcomes.delete(passed);
  state.read = backlog.sequence;
  state.lastReadAt = batch.at(-1)?.arrival.receivedAt ?? state.lastReadAt;
  return batch;
};

/** Null after a pause: a disk that cannot be read now is asked again, for to skip what is on it would be to lose it. */
const takePatiently = async (state: State, limit: BatchLimit): Promise<readonly Entry[] | null> => {
  try {
    return await takeFromDisk(state, limit);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    state.options.on.failed("read", codeOf(error));
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  state.wakeReader = resolve;
  const timer = setTimeout(resolve, recoveryDelayMs);
  if (!state.closed) await promise;
  clearTimeout(timer);
  state.wakeReader = null;
  return null;
};

const awaitAppend = async (state: State): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  state.wakeReader = resolve;
  await promise;
  await turn();
};

const take = (state: State, limit: BatchLimit): Promise<readonly Entry[] | null> | readonly Entry[] =>
  state.read < state.tailFirst ? takePatiently(state, limit) : takeFromTail(state, limit);

const readBatch = async (state: State, limit: BatchLimit): Promise<readonly Entry[]> => {
  for (;;) {
    const batch = await take(state, limit);
    if (batch !== null && batch.length > 0) return batch;
    const nothingNow = batch === null || state.read === state.next;
    if (nothingNow && (state.closed || limit.wait === false)) return [];
    if (batch !== null && nothingNow) await awaitAppend(state);
  }
};

export const read = async (state: State, limit: BatchLimit): Promise<readonly Entry[]> => {
  if (state.reading !== null) throw new Error("two reads of one journal at a time");
  const reading = readBatch(state, limit);
  state.reading = reading;
  try {
    return await reading;
  } finally {
    state.reading = null;
  }
};

export const release = (state: State, count: number): void => {
  const { inFlight } = state;
  if (count > inFlight.length()) {
    throw new RangeError(`${count} released, but only ${inFlight.length()} were read`);
  }
  for (let i = 0; i < count; i += 1) inFlight.shift();
  const released = releasedOf(state);
  // Kafka has them: the next segment need not.
  if (state.phase === "failing") state.written = Math.max(state.written, released);
  retainReleased(state.catalogue, released);
  trimTail(state);
};

export const oldestPendingAt = (state: State): number | null => {
  if (releasedOf(state) === state.next) return null;
  const oldest = state.inFlight.at(0) ?? tailEntry(state, state.read);
  // On the disk, and nothing of it is being published: if it is not this one, the one before it is next to as old.
  return oldest?.arrival.receivedAt ?? state.lastReadAt;
};
