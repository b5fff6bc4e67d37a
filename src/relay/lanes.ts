import type { Journal } from "../core/journal.ts";
import { fail, type Failure } from "../core/result.ts";
import { batchLimit, type RelayContext, reportRetries, settle, toItems } from "./context.ts";
import { deliver, type Item, type Left, topicOfItem } from "./delivery.ts";

/** Tries the items of one topic again and again, in order, until none is left or the relay stops. */
const exhaust = async (context: RelayContext, topic: string, items: readonly Item[]): Promise<void> => {
  const { laneSink: sink, topicPrefix, stopping } = context;
  const onDelivered = (item: Item) => settle(context, item);
  let inHand = items;
  for (let attempt = 0; inHand.length > 0 && !stopping.aborted; attempt += 1) {
    if (attempt > 0) await context.pause(attempt, stopping);
    const left = await deliver({ sink, topicPrefix, onDelivered, isolate: false }, inHand);
    reportRetries(context, left);
    const [own, foreign] = splitBy(left, (item) => topicOfItem(item) === topic);
    // A record whose dead letter cannot be written either now waits in the lane of the dead letters.
    const stayed = await park(context, foreign);
    inHand = [...own, ...stayed].map(({ item }) => item);
  }
};

const runLane = async (context: RelayContext, topic: string, journal: Journal): Promise<void> => {
  await context.pause(0, context.stopping);
  while (!context.stopping.aborted && journal.status().pendingRecords > 0) {
    const entries = await journal.read(batchLimit);
    await exhaust(context, topic, await toItems(context, entries));
    if (!context.stopping.aborted) journal.release(entries.length);
  }
  if (context.stopping.aborted) return;
  context.lanes.delete(topic);
  context.telemetry.laneOpened(topic);
};

/** A topic that cannot be written for now: its records wait apart, in order, and new ones queue behind them. */
const openLane = async (context: RelayContext, topic: string, why: Failure): Promise<Journal | null> => {
  const open = context.lanes.get(topic);
  if (open !== undefined) return open;
  const journal = await context.openLaneJournal(topic);
  if (journal === null) return null;
  context.lanes.set(topic, journal);
  context.telemetry.laneParked(topic, why);
  const run = runLane(context, topic, journal);
  context.laneRuns.add(run);
  void run.finally(() => context.laneRuns.delete(run));
  return journal;
};

/** Before the stream begins: what waited for these topics when the bridge ended goes first. */
export const reopenLanes = async (context: RelayContext): Promise<void> => {
  const why = fail("record-not-sent", "its records were waiting when the bridge ended");
  for (const topic of context.parkedTopics ?? []) await openLane(context, topic, why);
};

/** Moves records to the lanes of their topics. Returns those that no lane can keep: they stay where they are. */
export const park = async (context: RelayContext, left: readonly Left[]): Promise<readonly Left[]> => {
  const full = new Set<string>();
  const stayed: Left[] = [];
  for (const one of left) {
    const topic = topicOfItem(one.item);
    if (!full.has(topic) && (await moveToLane(context, one))) continue;
    // What follows in this topic must not overtake it.
    full.add(topic);
    stayed.push(one);
  }
  return stayed;
};

const moveToLane = async (context: RelayContext, { item, failure }: Left): Promise<boolean> => {
  const journal = await openLane(context, topicOfItem(item), failure);
  if (journal === null) return false;
  const kept = journal.append({ ...item.entry.arrival, deadLetter: item.letter });
  if (!kept.ok) return false;
  if (journal.durable && !(await journal.stored(kept.value)).ok) return false;
  void kept.value.settled.then(item.entry.settle);
  return true;
};

export const splitBy = (
  left: readonly Left[],
  first: (item: Item, failure: Failure) => boolean,
): [readonly Left[], readonly Left[]] => [
  left.filter(({ item, failure }) => first(item, failure)),
  left.filter(({ item, failure }) => !first(item, failure)),
];
