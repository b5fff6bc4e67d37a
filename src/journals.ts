import { join } from "node:path";
import type { Config } from "./config.ts";
import type { Journal, JournalStatus } from "./core/journal.ts";
import { mostRemembered } from "./core/repeats.ts";
import { fail, ok, type Result } from "./core/result.ts";
import { codeOf, isSystemError, realFiles } from "./io/journal/files.ts";
import { type DiskJournal, openDiskJournal } from "./io/journal/journal.ts";
import type { DiskJournalOptions } from "./io/journal/options.ts";
import type { Seen } from "./io/journal/retained.ts";
import { openMemoryJournal } from "./io/memory-journal.ts";
import type { Telemetry } from "./telemetry.ts";

/** The journals of the bridge: the main one, and one for each topic that is parked. */
export type Journals = AsyncDisposable & {
  readonly main: Journal;
  /** Of all of them together: what is parked is pending too. */
  readonly status: () => JournalStatus;
  /** What the disk still holds of the callbacks accepted before, in batches; nothing in memory. */
  readonly retained: () => AsyncIterable<readonly Seen[]>;
  /** Topics whose records were parked when the bridge last ended. */
  readonly parkedTopics: readonly string[];
  /** The same journal for the same topic; null while the disk does not let it be opened. */
  readonly openLane: (topic: string) => Promise<Journal | null>;
};

const mebibyte = 1024 * 1024;
/** The journal in memory stays below this: what it holds was never acknowledged, and the sender tries again. */
const memoryJournalBytes = 256 * mebibyte;
const parkedDirectory = "parked";

type OpenJournal = Journal & Pick<DiskJournal, "heldBytes"> & Partial<Pick<DiskJournal, "retained">>;
type Open = (directory: string) => Promise<Result<OpenJournal>>;

async function* nothingRetained(): AsyncGenerator<readonly Seen[]> {}

/** How much of what waits is held in memory as well, how long what is settled stays, and what all hold together. */
type Extent = Pick<DiskJournalOptions, "memoryBytes" | "retentionMs" | "maxBytes" | "heldTogether">;

/** A segment is dropped as a whole: a small journal must not consist of one. */
const segmentBytesOf = (maxBytes: number): number => Math.min(64 * mebibyte, maxBytes / 32);

/**
 * What is parked stands in two places until the relay has released it and its old segment is dropped. Callbacks that come in
 * leave room for that, so that in a full journal too a topic can be parked, and all others go on.
 */
const roomForMoves = (maxBytes: number): number =>
  Math.min(2 * segmentBytesOf(maxBytes) + 16 * mebibyte, maxBytes / 4);

const diskOpener =
  (config: Config, telemetry: Telemetry, extent: Extent): Open =>
  (directory) =>
    openDiskJournal({
      ...extent,
      directory,
      minFreeBytes: 256 * mebibyte,
      segmentBytes: segmentBytesOf(config.journal.maxBytes),
      retentionBytes: 1024 * mebibyte,
      retentionRecords: mostRemembered,
      syncIntervalMs: 200,
      keys: config.journal.keys,
      files: realFiles,
      clock: Date.now,
      on: {
        synced: telemetry.journalSynced,
        failed: telemetry.journalFailed,
        recovered: telemetry.journalRecovered,
        damaged: (damage) => telemetry.journalDamaged({ ...damage, directory }),
        missing: (records) => telemetry.journalMissing(records, directory),
        cursorLost: () => telemetry.journalCursorLost(directory),
      },
    });

const memoryOpener =
  (extent: Extent): Open =>
  () =>
    Promise.resolve(ok(openMemoryJournal(extent)));

type LaneParts = {
  readonly open: Open;
  readonly root: string;
  readonly telemetry: Telemetry;
  /** All that are open. */
  readonly opened: OpenJournal[];
};

const createLanes = ({ open, root, telemetry, opened }: LaneParts) => {
  const lanes = new Map<string, Promise<Result<OpenJournal>>>();
  const tryLane = async (topic: string): Promise<Result<Journal>> => {
    const opening = lanes.get(topic) ?? open(join(root, parkedDirectory, topic));
    lanes.set(topic, opening);
    const lane = await opening;
    if (lane.ok && !opened.includes(lane.value)) opened.push(lane.value);
    if (lane.ok) return lane;
    lanes.delete(topic);
    telemetry.laneUnopened(topic, lane);
    return lane;
  };
  const dispose = async (): Promise<void> => {
    for (const opening of lanes.values()) {
      const lane = await opening;
      if (lane.ok) await lane.value[Symbol.asyncDispose]();
    }
  };
  return { tryLane, [Symbol.asyncDispose]: dispose };
};

const together = (journals: readonly Journal[]): JournalStatus => {
  const all = journals.map((journal) => journal.status());
  const oldest = Math.min(...all.map(({ oldestPendingAt }) => oldestPendingAt ?? Infinity));
  return {
    pendingRecords: all.reduce((sum, { pendingRecords }) => sum + pendingRecords, 0),
    oldestPendingAt: oldest === Infinity ? null : oldest,
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
};

const listParked = async (directory: string | null): Promise<Result<readonly string[]>> => {
  if (directory === null) return ok([]);
  const path = join(directory, parkedDirectory);
  try {
    return ok(await realFiles.list(path));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return fail("journal-unusable", `${path}: ${codeOf(error)}`);
  }
};

/** Fails when the directory is in use, cannot be used or holds what a newer version wrote. */
export const openJournals = async (config: Config, telemetry: Telemetry): Promise<Result<Journals>> => {
  await using stack = new AsyncDisposableStack();
  const { directory } = config.journal;
  const journals: OpenJournal[] = [];
  const heldTogether = () => journals.reduce((sum, journal) => sum + journal.heldBytes(), 0);
  const opener = (extent: Extent): Open =>
    directory === null ? memoryOpener(extent) : diskOpener(config, telemetry, extent);
  const root = directory ?? "";
  const maxBytes =
    directory === null ? Math.min(config.journal.maxBytes, memoryJournalBytes) : config.journal.maxBytes;
  const main = await opener({
    memoryBytes: 4 * mebibyte,
    retentionMs: config.dedupeWindowMs,
    maxBytes: maxBytes - roomForMoves(maxBytes),
    heldTogether,
  })(root);
  if (!main.ok) return main;
  journals.push(stack.use(main.value));
  // What is parked was taken out of the main journal, which remembers it: a lane keeps nothing that is settled.
  const open = opener({ memoryBytes: mebibyte, retentionMs: 0, maxBytes, heldTogether });
  const lanes = stack.use(createLanes({ open, root, telemetry, opened: journals }));
  const parked = await listParked(directory);
  if (!parked.ok) return parked;
  for (const topic of parked.value) {
    const lane = await lanes.tryLane(topic);
    // What only an operator can mend ends the start here too; what a disk refuses now it may give later.
    if (!lane.ok && lane.code !== "journal-unusable") return lane;
  }
  const opened = stack.move();
  return ok({
    main: main.value,
    status: () => together(journals),
    retained: main.value.retained ?? nothingRetained,
    parkedTopics: parked.value,
    openLane: async (topic) => {
      const lane = await lanes.tryLane(topic);
      return lane.ok ? lane.value : null;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  });
};
