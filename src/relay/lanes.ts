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
import { deadLetterTopic } from "../core/catalog.ts";
import { deliverAll, type Delivery, type Item, type Left, splitBy, topicOfItem } from "./delivery.ts";

/** Records that were given to a lane, and are not yet known to be safe there. */
export type Move = { readonly journal: Journal; readonly last: Entry; readonly items: readonly Item[] };

export type Parked = {
  readonly moves: readonly Move[];
  /** Those that no lane can take now: they stay where they are, and must not be sent before what waits in the lane. */
  readonly stayed: readonly Left[];
};

const isOf = (topic: string) => (one: Left) => topicOfItem(one.item) === topic;

/** For dead letters that their topic does not take: the one lane whose name is no topic's. */
export const refusedLane = ({ topicPrefix }: RelayContext): string =>
  `${topicPrefix}${deadLetterTopic}.refused`;

const deliveryOf = (context: RelayContext, lane: Lane, refused: Left[]): Delivery & { topic: string } => {
  const { laneSink: sink, topicPrefix } = context;
  const ofRefused = lane.name === refusedLane(context);
  const topic = ofRefused ? topicPrefix + deadLetterTopic : lane.name;
  return {
    topic,
    sink,
    topicPrefix,
    onDelivered: (item) => settle(context, item),
    mustQueue: (other) => other !== topic && context.lanes.has(other),
    thorough: true,
    ...(ofRefused ? {} : { onRefused: (left: Left) => void refused.push(left) }),
  };
};

/** Tries the items of one topic again and again, in order, until none is left or the relay stops. True: at the first try. */
const exhaust = async (context: RelayContext, lane: Lane, items: readonly Item[]): Promise<boolean> => {
  const { stopping } = context;
  const moves: Move[] = [];
  let inHand = items;
  let attempt = 0;
  for (; inHand.length > 0 && !stopping.aborted; attempt += 1) {
    if (attempt > 0) {
      await context.pause(attempt, stopping);
      inHand = encodedAnew(context, inHand);
    }
    const refused: Left[] = [];
    const { topic, ...delivery } = deliveryOf(context, lane, refused);
    const left = await deliverAll(delivery, inHand);
    if (left.length > 0) lane.closing = false;
    reportRetries(context, left);
    const [own, foreign] = splitBy(left, isOf(topic));
    // A record whose dead letter cannot be written either now waits in the lane of the dead letters.
    const parked = await park(context, foreign, refused);
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
    lane.journal = await context.openLaneJournal(lane.name);
  }
  return lane.journal;
};

const runLane = async (context: RelayContext, lane: Lane): Promise<void> => {
  const { stopping } = context;
  const { name } = lane;
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
  context.lanes.delete(name);
  context.telemetry.laneOpened(name);
};

const beginLane = (context: RelayContext, lane: Lane, why: Failure): void => {
  context.lanes.set(lane.name, lane);
  context.telemetry.laneParked(lane.name, why);
  const run = runLane(context, lane);
  context.laneRuns.add(run);
  void run.finally(() => context.laneRuns.delete(run));
};

/** Before the stream begins: what waited for these topics when the bridge ended goes first, as soon as it can be read. */
export const reopenLanes = async (context: RelayContext): Promise<void> => {
  const why = fail("record-not-sent", "its records were waiting when the bridge ended");
  for (const name of context.parkedTopics ?? []) {
    const journal = await context.openLaneJournal(name);
    const isEmpty = journal !== null && journal.status().pendingRecords === 0;
    if (!isEmpty) beginLane(context, { name, journal, closing: false }, why);
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

const parkIn = async (context: RelayContext, name: string, left: readonly Left[]): Promise<Move | null> => {
  const opened = context.lanes.has(name) ? null : await context.openLaneJournal(name);
  // Looked up behind the wait, and filled without another: a lane may end or begin at any of them.
  const lane = context.lanes.get(name);
  if (lane?.closing === true) return null;
  const journal = lane === undefined ? opened : lane.journal;
  if (journal === null) return null;
  const move = append(journal, left);
  // Not waited for here. But what comes later must not outlive it in a power cut: the lane would send it first.
  if (move !== null) void journal.stored(move.last);
  const [first] = left;
  if (move !== null && lane === undefined && first !== undefined)
    beginLane(context, { name, journal, closing: false }, first.failure);
  return move;
};

/** Gives records to the lanes of their topics, and refused dead letters to theirs, without waiting for the disk. */
export const park = async (
  context: RelayContext,
  left: readonly Left[],
  refused: readonly Left[] = [],
): Promise<Parked> => {
  const moves: Move[] = [];
  const stayed: Left[] = [];
  const byLane = Map.groupBy(left, ({ item }) => topicOfItem(item));
  if (refused.length > 0) byLane.set(refusedLane(context), [...refused]);
  for (const [name, ofLane] of byLane) {
    const move = await parkIn(context, name, ofLane);
    if (move !== null) moves.push(move);
    stayed.push(...ofLane.slice(move?.items.length ?? 0));
  }
  for (const { item, failure } of refused)
    context.telemetry.deadLetterRefused(failure.code, item.entry.arrival.eventId, failure.detail);
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
