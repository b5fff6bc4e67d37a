import { forgetSegment, removeSegment, retainReleased, type Segment } from "./catalogue.ts";
import { writeCursor } from "./cursor.ts";
import { codeOf, isSystemError } from "./files.ts";
import { failFlush, flushSoon, retireActive } from "./flush.ts";
import { housekeepingMs, isLow } from "./options.ts";
import { askForSync, heldTogether, releasedOf, type State } from "./state.ts";

export type Housekeeping = {
  /** `next` when the sync interval began: what was appended before is due at its end. */
  syncMark: number;
  syncTicks: number;
  ticksSinceLook: number;
  /** `read` at the last tick. */
  readMark: number;
};

/** Ticks between two looks at a disk on which nothing happens: each look costs more than all else that a bridge at rest does. */
const restTicks = 5;

const saysFailed = (state: State, step: "cursor" | "retention", error: unknown): void => {
  if (!isSystemError(error)) throw error;
  state.options.on.failed(step, codeOf(error));
};

export const moveCursor = async (state: State): Promise<void> => {
  const released = releasedOf(state);
  if (released <= state.cursor.durable) return;
  try {
    await writeCursor(state.cursor, released);
  } catch (error) {
    saysFailed(state, "cursor", error);
  }
};

/** Callbacks that wait long for Kafka become safe even when nobody asks. In health all are released before. */
const syncWhatWaits = (state: State, keeping: Housekeeping): void => {
  keeping.syncTicks += 1;
  if (keeping.syncTicks * housekeepingMs < state.options.syncIntervalMs) return;
  if (state.synced < keeping.syncMark && releasedOf(state) < keeping.syncMark) {
    askForSync(state);
    flushSoon(state);
  }
  keeping.syncTicks = 0;
  keeping.syncMark = state.next;
};

const isRoomWanted = (state: State): boolean => {
  const { catalogue, options, lowDisk } = state;
  const { retainedBytes } = catalogue;
  return (
    lowDisk ||
    retainedBytes > options.retentionBytes ||
    heldTogether(state) + retainedBytes > options.maxBytes
  );
};

const hasServed = (state: State, segment: Segment, following: Segment | undefined): boolean => {
  const { retentionMs, retentionRecords, clock } = state.options;
  // Nothing was written to it after the next one was begun.
  const lastWrittenAt = following?.createdAt ?? Infinity;
  return lastWrittenAt + retentionMs < clock() || releasedOf(state) - segment.first > retentionRecords;
};

/** A retained segment that has served its time, or whose room is needed for what is pending. */
const segmentToDrop = (state: State): Segment | undefined => {
  const { retained, held } = state.catalogue;
  const at = retained.findIndex((segment) => !segment.keep);
  const oldest = retained[at];
  if (oldest === undefined) return undefined;
  const isDue = isRoomWanted(state) || hasServed(state, oldest, retained[at + 1] ?? held[0]);
  return isDue ? oldest : undefined;
};

/** False when it is not where it was. Open files can be written all the same, but no later start would find them. */
const lookAtDirectory = async (state: State): Promise<boolean> => {
  try {
    await state.lock.check();
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (state.phase === "taking") failFlush(state, error);
    return false;
  }
};

const dropRetained = async (state: State): Promise<void> => {
  retainReleased(state.catalogue, releasedOf(state));
  for (let segment = segmentToDrop(state); segment !== undefined; segment = segmentToDrop(state)) {
    // Another directory at the same path has files of the same names.
    if (!(await lookAtDirectory(state))) return;
    const refused = await removeSegment(state.options, segment);
    if (refused !== null) {
      state.options.on.failed("retention", refused);
      return;
    }
    forgetSegment(state.catalogue, segment);
  }
};

const lookAtFreeSpace = async (state: State): Promise<void> => {
  const { files, directory, minFreeBytes } = state.options;
  try {
    state.lowDisk = isLow(await files.space(directory), minFreeBytes);
  } catch (error) {
    saysFailed(state, "retention", error);
  }
};

const keepHouse = async (state: State): Promise<void> => {
  const isHere = await lookAtDirectory(state);
  // Before any segment goes, the cursor is past it; where that fails, the segment holds only released callbacks all the same.
  await moveCursor(state);
  // The names in it are nobody's now, or those of another journal.
  if (!isHere) return;
  await lookAtFreeSpace(state);
  if (state.lowDisk || state.roomWanted) await retireActive(state);
  state.roomWanted = false;
  await dropRetained(state);
};

/** A reader that has taken nothing for so long is not about to: memory need not hold for it what the disk has. */
const lookAtReader = (state: State, keeping: Housekeeping): void => {
  state.readerStalls = state.read < state.next && state.read === keeping.readMark;
  keeping.readMark = state.read;
};

/** All is released and known to be, and nothing is wrong. */
const mayRest = (state: State, keeping: Housekeeping): boolean =>
  state.cursor.durable === state.next &&
  state.phase === "taking" &&
  !state.lowDisk &&
  !state.roomWanted &&
  keeping.ticksSinceLook < restTicks;

export const startHousekeeping = (state: State): void => {
  const keeping: Housekeeping = { syncMark: state.next, syncTicks: 0, ticksSinceLook: 0, readMark: -1 };
  state.housekeepingTimer = setInterval(() => {
    syncWhatWaits(state, keeping);
    lookAtReader(state, keeping);
    keeping.ticksSinceLook += 1;
    if (mayRest(state, keeping)) return;
    keeping.ticksSinceLook = 0;
    keepHouseNow(state);
  }, housekeepingMs);
};

export const keepHouseNow = (state: State): void => {
  state.housekeeping ??= keepHouse(state).finally(() => {
    state.housekeeping = null;
  });
};
