import type { Entry, Journal } from "../core/journal.ts";
import { fail, type Failure } from "../core/result.ts";
import {
  batchLimit,
  encodedAnew,
  type Lane,
  type RelayContext,
  reportRetries,
  settle,
  toItems,
} from "./context.ts";
import { deliverAll, type Item, type Left, splitBy, topicOfItem } from "./delivery.ts";

/** Records that were given to a lane, and are not yet known to be safe there. */
export type Move = { readonly journal: Journal; readonly last: Entry; readonly items: readonly Item[] };

export type Parked = {
  readonly moves: readonly Move[];
  /** Those that no lane can take now: they stay where they are, and must not be sent before what waits in the lane. */
  readonly stayed: readonly Left[];
};

const isOf = (topic: string) => (one: Left) => topicOfItem(one.item) === topic;

/** Tries the items of one topic again and again, in order, until none is left or the relay stops. True: at the first try. */
const exhaust = async (context: RelayContext, lane: Lane, items: readonly Item[]): Promise<boolean> => {
  const { laneSink: sink, topicPrefix, stopping } = context;
  const mustQueue = (topic: string) => topic !== lane.topic && context.lanes.has(topic);
  const onDelivered = (item: Item) => settle(context, item);
  const moves: Move[] = [];
  let inHand = items;
  let attempt = 0;
  for (; inHand.length > 0 && !stopping.aborted; attempt += 1) {
    if (attempt > 0) {
      await context.pause(attempt, stopping);
      inHand = encodedAnew(context, inHand);
    }
    const left = await deliverAll({ sink, topicPrefix, onDelivered, mustQueue, thorough: true }, inHand);
    if (left.length > 0) lane.closing = false;
    reportRetries(context, left);
    const [own, foreign] = splitBy(left, isOf(lane.topic));
    // A record whose dead letter cannot be written either now waits in the lane of the dead letters.
    const parked = await park(context, foreign);
    moves.push(...parked.moves);
    inHand = [...own, ...parked.stayed].map(({ item }) => item);
  }
  await allSafe(context, moves);
  return attempt <= 1;
};

/** Null when the relay stops first. */
const laneJournal = async (context: RelayContext, lane: Lane): Promise<Journal | null> => {
  for (let attempt = 0; lane.journal === null && !context.stopping.aborted; attempt += 1) {
    await context.pause(attempt, context.stopping);
    lane.journal = await context.openLaneJournal(lane.topic);
  }
  return lane.journal;
};

const runLane = async (context: RelayContext, lane: Lane): Promise<void> => {
  const { stopping } = context;
  const { topic } = lane;
  const journal = await laneJournal(context, lane);
  if (journal === null) return;
  await context.pause(0, stopping);
  let healthy = false;
  while (!stopping.aborted && journal.status().pendingRecords > 0) {
    lane.closing = healthy && journal.status().pendingRecords <= batchLimit.entries;
    const entries = await journal.read({ ...batchLimit, wait: false });
    healthy = await exhaust(context, lane, await toItems(context, entries));
    if (!stopping.aborted) journal.release(entries.length);
  }
  if (stopping.aborted) return;
  context.lanes.delete(topic);
  context.telemetry.laneOpened(topic);
};

const beginLane = (context: RelayContext, lane: Lane, why: Failure): void => {
  context.lanes.set(lane.topic, lane);
  context.telemetry.laneParked(lane.topic, why);
  const run = runLane(context, lane);
  context.laneRuns.add(run);
  void run.finally(() => context.laneRuns.delete(run));
};

/** Before the stream begins: what waited for these topics when the bridge ended goes first, as soon as it can be read. */
export const reopenLanes = async (context: RelayContext): Promise<void> => {
  const why = fail("record-not-sent", "its records were waiting when the bridge ended");
  for (const topic of context.parkedTopics ?? []) {
    const journal = await context.openLaneJournal(topic);
    const isEmpty = journal !== null && journal.status().pendingRecords === 0;
    if (!isEmpty) beginLane(context, { topic, journal, closing: false }, why);
  }
};

/** In order; stops at the first that the journal refuses. */
const append = (journal: Journal, left: readonly Left[]): Move | null => {
  const items: Item[] = [];
  let last: Entry | null = null;
  for (const { item } of left) {
    const kept = journal.append({ ...item.entry.arrival, deadLetter: item.letter });
    if (!kept.ok) break;
    last = kept.value;
    items.push(item);
    void last.settled.then(item.entry.settle);
  }
  return last === null ? null : { journal, last, items };
};

const parkTopic = async (
  context: RelayContext,
  topic: string,
  left: readonly Left[],
): Promise<Move | null> => {
  const opened = context.lanes.has(topic) ? null : await context.openLaneJournal(topic);
  // Looked up behind the wait, and filled without another: a lane may end or begin at any of them.
  const lane = context.lanes.get(topic);
  if (lane?.closing === true) return null;
  const journal = lane === undefined ? opened : lane.journal;
  if (journal === null) return null;
  const move = append(journal, left);
  const [first] = left;
  if (move !== null && lane === undefined && first !== undefined)
    beginLane(context, { topic, journal, closing: false }, first.failure);
  return move;
};

/** Gives records to the lanes of their topics, without waiting for the disk. */
export const park = async (context: RelayContext, left: readonly Left[]): Promise<Parked> => {
  const moves: Move[] = [];
  const stayed: Left[] = [];
  for (const [topic, ofTopic] of Map.groupBy(left, ({ item }) => topicOfItem(item))) {
    const move = await parkTopic(context, topic, ofTopic);
    if (move !== null) moves.push(move);
    stayed.push(...ofTopic.slice(move?.items.length ?? 0));
  }
  return { moves, stayed };
};

/** As soon as a lane on disk has them, what repeats them is a repeat, though they wait for hours. */
const rememberOnce = ({ repeats }: RelayContext, { journal, items }: Move): void => {
  if (!journal.durable) return;
  for (const { entry, once } of items) repeats.settled(entry.arrival.eventId, entry.arrival.receivedAt, once);
};

/** True when the lanes keep them as safely as they were kept before; false when the relay stops first. */
export const allSafe = async (context: RelayContext, moves: readonly Move[]): Promise<boolean> => {
  for (const move of moves) {
    const { journal, last } = move;
    for (let attempt = 0; journal.durable && !(await journal.stored(last)).ok; attempt += 1) {
      if (context.stopping.aborted) return false;
      await context.pause(attempt, context.stopping);
    }
    rememberOnce(context, move);
  }
  return true;
};
