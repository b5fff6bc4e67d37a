import type { Entry } from "../core/journal.ts";
import { failures } from "../core/result.ts";
import {
  batchLimit,
  type RelayContext,
  type RelayOptions,
  reportRetries,
  settle,
  toItems,
  withoutRepeats,
} from "./context.ts";
import { deliver, type Item, type Left, topicOfItem } from "./delivery.ts";
import { park, reopenLanes, splitBy } from "./lanes.ts";

export type { RelayOptions } from "./context.ts";

export type Relay = {
  /** Ends when the closed journal is empty, or soon after the signal says that time is up: what is left stays there. */
  readonly drain: (timeIsUp: AbortSignal) => Promise<void>;
};

/** A failure that a retry can mend must show this often before a topic is parked for it. */
const triesBeforeParking = 2;

type Batch = {
  /** How many entries were read and are not released: all of them settle or move to a lane first. */
  read: number;
  inHand: readonly Item[];
  /** Something of this batch has reached Kafka: what still fails, fails by itself. */
  progress: boolean;
};

/** More entries beside those that fail: they must not wait for them, and they show whether it is the topic. */
const topUp = async (context: RelayContext, batch: Batch): Promise<void> => {
  const room = batchLimit.entries - batch.inHand.length;
  if (room <= 0 || context.journal.status().pendingRecords <= batch.read) return;
  const entries = await context.journal.read({ ...batchLimit, entries: room });
  batch.read += entries.length;
  batch.inHand = [...batch.inHand, ...withoutRepeats(context, await toItems(context, entries))];
};

const mustPark = (failure: Left["failure"], attempt: number, progress: boolean): boolean => {
  const rule = failures[failure.code];
  if (rule.handling !== "retry") return true;
  return attempt >= triesBeforeParking && (progress || rule.scope === "topic");
};

/** Records of parked topics queue behind those that wait there. */
const passToLanes = async (context: RelayContext, batch: Batch): Promise<void> => {
  if (context.lanes.size === 0) return;
  const why = {
    ok: false,
    code: "record-not-sent",
    detail: "queued behind the records of its topic",
  } as const;
  const queued = batch.inHand.filter((item) => context.lanes.has(topicOfItem(item)));
  const stayed = await park(
    context,
    queued.map((item) => ({ item, failure: why })),
  );
  const waiting = new Set(stayed.map(({ item }) => item));
  const moved = new Set(queued.filter((item) => !waiting.has(item)));
  batch.inHand = batch.inHand.filter((item) => !moved.has(item));
};

const tryBatch = async (context: RelayContext, batch: Batch, attempt: number): Promise<void> => {
  await passToLanes(context, batch);
  if (batch.inHand.length === 0) return;
  const { sink, topicPrefix } = context;
  const onDelivered = (item: Item) => settle(context, item);
  const isolate = attempt >= triesBeforeParking;
  const left = await deliver({ sink, topicPrefix, onDelivered, isolate }, batch.inHand);
  if (left.length === 0) {
    batch.inHand = [];
    return;
  }
  batch.progress ||= left.length < batch.inHand.length;
  reportRetries(context, left);
  const [parked, again] = splitBy(left, (_item, failure) => mustPark(failure, attempt, batch.progress));
  batch.inHand = [...(await park(context, parked)), ...again].map(({ item }) => item);
};

const runStream = async (context: RelayContext): Promise<void> => {
  const { journal, stopping } = context;
  await reopenLanes(context);
  for (;;) {
    const entries: readonly Entry[] = await journal.read(batchLimit);
    if (entries.length === 0) return;
    const inHand = withoutRepeats(context, await toItems(context, entries));
    const batch: Batch = { read: entries.length, inHand, progress: false };
    for (let attempt = 0; batch.inHand.length > 0 && !stopping.aborted; attempt += 1) {
      if (attempt > 0) {
        await context.pause(attempt - 1, stopping);
        await topUp(context, batch);
      }
      await tryBatch(context, batch, attempt);
    }
    if (stopping.aborted) return;
    journal.release(batch.read);
  }
};

/** Begins to read the journal and to publish. An unexpected throw rejects a promise that nobody awaits: it ends the process. */
export const startRelay = (options: RelayOptions): Relay => {
  const stopping = new AbortController();
  const context: RelayContext = {
    ...options,
    stopping: stopping.signal,
    lanes: new Map(),
    laneRuns: new Set(),
  };
  const stream = runStream(context);
  const giveUp = () => stopping.abort();
  return {
    drain: async (timeIsUp) => {
      if (timeIsUp.aborted) giveUp();
      timeIsUp.addEventListener("abort", giveUp, { once: true });
      await stream;
      // Lanes are not waited for: what they hold on disk is safe, and what they hold in memory was never acknowledged.
      giveUp();
      await Promise.all(context.laneRuns);
    },
  };
};
