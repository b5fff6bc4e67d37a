import { setImmediate as turn } from "node:timers/promises";
import { fail } from "../../core/result.ts";
import { frameBytesAtMost } from "../../core/frame.ts";
import { forgetSegment, removeSegment, retainReleased } from "./catalogue.ts";
import { codeOf, isSystemError } from "./files.ts";
import { recoveryDelayMs, writeDelayMs } from "./options.ts";
import {
  askForSync,
  isSyncWanted,
  releasedOf,
  tailEntry,
  trimTail,
  type State,
  type Stored,
} from "./state.ts";
import { beginSegment, syncActive, writeBatch } from "./writer.ts";

const syncIsDue = (state: State): boolean => state.synced < state.written && isSyncWanted(state);

const goalOf = (state: State): number => (isSyncWanted(state) ? state.next : state.due);

/** Writes all that is due, syncs it once for all who wait, and goes on until nothing is left to do. */
const flushAll = async (state: State): Promise<void> => {
  for (;;) {
    if (state.fault !== null) throw state.fault;
    const goal = goalOf(state);
    while (state.written < goal) {
      await writeBatch(state, goal);
      // Before the next one: a power cut must not take the older of two writes.
      if (state.written < goal && syncIsDue(state)) await syncActive(state);
    }
    if (syncIsDue(state)) await syncActive(state);
    // A fault that came meanwhile found this flush under way, and is left to it.
    else if (goalOf(state) <= state.written && state.fault === null) return;
    // What has come meanwhile is read first: the more go together.
    await turn();
  }
};

const refuseWaiters = (state: State, detail: string): void => {
  const { waiters } = state;
  state.waiters = [];
  const refused: Stored = fail("journal-failed", detail);
  for (const { resolve } of waiters) resolve(refused);
};

/**
 * The rule after a failed write or sync: the file is given up where it was last synced. Callbacks behind that which are not
 * released are all in the tail; they stay readable, and the next segment begins with the first of them, so that it takes
 * their place on the disk as well.
 */
const restartAt = (state: State): void => {
  state.written = Math.max(state.synced, releasedOf(state));
  state.unwrittenBytes = 0;
  for (let sequence = state.written; sequence < state.next; sequence += 1) {
    const entry = tailEntry(state, sequence);
    if (entry !== undefined) state.unwrittenBytes += frameBytesAtMost(entry.arrival);
  }
  trimTail(state);
};

const giveUpFile = async (state: State): Promise<void> => {
  const { active } = state;
  state.active = null;
  try {
    await active?.file.close();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    state.options.on.failed("write", codeOf(error));
  }
};

const enterFailure = async (state: State, error: unknown): Promise<void> => {
  if (!isSystemError(error)) throw error;
  state.phase = "failing";
  state.options.on.failed(state.step, codeOf(error));
  restartAt(state);
  refuseWaiters(state, `the disk refused a ${state.step} (${codeOf(error)})`);
  await giveUpFile(state);
  if (state.disposed !== null) return;
  state.recoveryTimer = setTimeout(() => {
    state.recoveryTimer = null;
    startRecovery(state);
  }, recoveryDelayMs);
};

const flush = async (state: State): Promise<void> => {
  try {
    await flushAll(state);
  } catch (error) {
    await enterFailure(state, error);
  } finally {
    state.flushing = null;
  }
};

/** A failed attempt leaves a file that holds nothing of its own: it must not be left to fill the disk. */
const removeFailedAttempts = async (state: State): Promise<void> => {
  const { catalogue, options } = state;
  for (;;) {
    const last = catalogue.held.at(-1);
    if (last === undefined || last.first < state.written || last.keep) return;
    if ((await removeSegment(options, last)) !== null) return;
    forgetSegment(catalogue, last);
  }
};

/** Writes what the failed file may have lost into a new one; appending goes on when that is synced. */
const recover = async (state: State): Promise<void> => {
  state.phase = "recovering";
  restartAt(state);
  state.step = "write";
  try {
    await state.lock.check();
    state.fault = null;
    await removeFailedAttempts(state);
    await beginSegment(state);
    askForSync(state);
    await flushAll(state);
    // With nothing to write this is a trial: the next callback must not be the one that finds the disk still failing.
    if (state.active?.named === false) await syncActive(state);
    state.phase = "taking";
    state.options.on.recovered();
  } catch (error) {
    await enterFailure(state, error);
  } finally {
    state.flushing = null;
  }
};

const startRecovery = (state: State): void => {
  state.flushing ??= recover(state);
};

const startFlush = (state: State): void => {
  if (state.phase === "taking") state.flushing ??= flush(state);
};

/** The files that are open are given up, and new ones begun as soon as the directory lets us. */
export const failFlush = (state: State, fault: unknown): void => {
  state.fault = fault;
  state.step = "write";
  flushSoon(state);
};

/**
 * Closes the segment that is being written when all in it is released, so that it can be dropped: it may be the very one that
 * fills the disk.
 */
export const retireActive = async (state: State): Promise<void> => {
  // Who waits for a sync is answered by it, and by nothing else.
  if (state.waiters.length > 0) return;
  const isIdle = state.flushing === null && state.phase === "taking" && state.written === state.next;
  if (!isIdle || state.active === null || releasedOf(state) < state.next) return;
  state.synced = state.written;
  state.flushing = giveUpFile(state).finally(() => {
    state.flushing = null;
  });
  await state.flushing;
  retainReleased(state.catalogue, state.synced, state.synced);
  // Whoever came meanwhile found a flush under way.
  flushSoon(state);
};

/** The first one from a sequence on that Kafka does not have yet. */
const unsettledFrom = (state: State, sequence: number): number => {
  let end = sequence;
  while (tailEntry(state, end)?.outcome.isSettled === true) end += 1;
  return end;
};

/**
 * For a callback that nobody waits for. The later it is written, the more go together, and the less there is to write: of what
 * Kafka has by then, the stamp alone.
 */
export const flushLater = (state: State): void => {
  state.flushTimer ??= setTimeout(() => {
    state.flushTimer = null;
    state.due = Math.max(state.dueNext, unsettledFrom(state, state.written));
    state.dueNext = state.next;
    if (state.due < state.next) flushLater(state);
    if (state.written < state.due) startFlush(state);
  }, writeDelayMs);
};

/** After everything that this turn of the event loop brings. */
export const flushSoon = (state: State): void => {
  state.flushSoon ??= setImmediate(() => {
    state.flushSoon = null;
    startFlush(state);
  });
};

/** The last flush of all; everything that is not released survives a power cut behind it, if the disk allows. */
export const finishWriting = async (state: State): Promise<void> => {
  clearTimeout(state.flushTimer ?? undefined);
  clearImmediate(state.flushSoon ?? undefined);
  clearTimeout(state.recoveryTimer ?? undefined);
  while (state.flushing !== null) await state.flushing;
  const pending = releasedOf(state) < state.next;
  if (pending) askForSync(state);
  state.due = state.next;
  if (state.phase === "taking") await (state.flushing = flush(state));
  // A file that failed may have lost them: one more attempt.
  if (state.phase === "failing" && pending) await (state.flushing = recover(state));
  refuseWaiters(state, "the journal is closed");
  await giveUpFile(state);
};
