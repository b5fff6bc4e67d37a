import { fail, failures } from "../core/result.ts";
import {
  batchLimit,
  encodedAnew,
  type RelayContext,
  type RelayOptions,
  reportRetries,
  settle,
  withoutRepeats,
} from "./context.ts";
import { deliverAll, type Item, type Left, splitBy, topicOfItem } from "./delivery.ts";
import { createIntake, type Intake } from "./intake.ts";
import { type Move, park, reopenLanes } from "./lanes.ts";
import { createReleases } from "./releases.ts";

export type { RelayOptions } from "./context.ts";

export type Relay = {
  /** Ends when the closed journal is empty, or soon after the signal says that time is up: what is left stays there. */
  readonly drain: (timeIsUp: AbortSignal) => Promise<void>;
};

/** A failure that a retry can mend must show this often before a topic is parked for it. */
const triesBeforeParking = 2;
/** The back-off of the stream goes no further: others may come meanwhile, and must not wait long. About a second. */
const slowestAttempt = 4;
/** Where something gets through, what fails must not slow it down. */
const slowestAmongOthers = 2;
/** Entries and bytes that are read and not released, so that memory stays bounded while a topic can neither go nor park. */
const readAtMost = { entries: 16 * batchLimit.entries, bytes: 4 * batchLimit.bytes };

type Batch = {
  /** How many entries were read and are not released: all of them settle or move to a lane first. */
  read: number;
  readBytes: number;
  /** Of the batches before it. */
  readonly unreleased: number;
  inHand: readonly Item[];
  /** The last try was not in vain: something of it has reached Kafka, or nothing had to. */
  progress: boolean;
  readonly moves: Move[];
};

/** More entries beside those that fail: they must not wait for them, and they show whether it is the topic. */
const topUp = async (context: RelayContext, intake: Intake, batch: Batch): Promise<void> => {
  if (batch.read > readAtMost.entries - batchLimit.entries || batch.readBytes >= readAtMost.bytes) return;
  const { entries, bytes, items } = await intake.more(batch.read + batch.unreleased);
  batch.read += entries;
  batch.readBytes += bytes;
  batch.inHand = [...batch.inHand, ...withoutRepeats(context, items)];
};

/** Topics of which a record fails in a way that it must wait elsewhere. A topic is parked as a whole, or its order is lost. */
const topicsToPark = (
  context: RelayContext,
  left: readonly Left[],
  { attempt, progress }: { attempt: number; progress: boolean },
): ReadonlySet<string> => {
  // The cluster is at fault where several fail and none gets through: parking all would only write everything twice.
  const alone = left.every(({ item }) => topicOfItem(item) === left[0]?.item.record.topic);
  const mustPark = ({ item, failure, tried }: Left): boolean => {
    if (context.lanes.has(topicOfItem(item))) return true;
    if (!tried) return false;
    const rule = failures[failure.code];
    if (rule.handling !== "retry") return true;
    return attempt >= triesBeforeParking && (progress || (alone && rule.scope === "topic"));
  };
  return new Set(left.filter(mustPark).map(({ item }) => topicOfItem(item)));
};

type Parking = { readonly left: readonly Left[]; readonly refused?: readonly Left[] };

const parkSome = async (context: RelayContext, batch: Batch, { left, refused = [] }: Parking) => {
  const { moves, stayed } = await park(context, left, refused);
  batch.moves.push(...moves);
  return stayed.map(({ item }) => item);
};

const behindOthers = fail("record-not-sent", "queued behind the records of its topic");

/** Records of parked topics queue behind those that wait there. Returns what finds no room: it is held back. */
const passToLanes = async (context: RelayContext, batch: Batch): Promise<readonly Item[]> => {
  const { lanes } = context;
  if (lanes.size === 0) return [];
  const [queued, others] = splitBy(batch.inHand, (item) => lanes.has(topicOfItem(item)));
  batch.inHand = others;
  const left = queued.map((item) => ({ item, failure: behindOthers, tried: false }));
  return parkSome(context, batch, { left });
};

/** Topics that were not asked come first the next time. */
const inOrderOfNeed = (left: readonly Left[]): readonly Item[] => {
  const tried = new Set(left.filter((one) => one.tried).map(({ item }) => topicOfItem(item)));
  const [triedOnes, others] = splitBy(left, ({ item }) => tried.has(topicOfItem(item)));
  return [...others, ...triedOnes].map(({ item }) => item);
};

const tryBatch = async (context: RelayContext, batch: Batch, attempt: number): Promise<void> => {
  const held = await passToLanes(context, batch);
  const { sink, topicPrefix, lanes } = context;
  const onDelivered = (item: Item) => settle(context, item);
  const mustQueue = (topic: string) => lanes.has(topic);
  const thorough = attempt >= triesBeforeParking;
  const refused: Left[] = [];
  const onRefused = (one: Left) => void refused.push(one);
  const delivery = { sink, topicPrefix, onDelivered, onRefused, mustQueue, thorough };
  const sent = batch.inHand.length;
  const left = sent === 0 ? [] : await deliverAll(delivery, batch.inHand);
  batch.progress = sent === 0 || left.length < sent;
  batch.inHand = held;
  if (left.length + refused.length === 0) return;
  reportRetries(context, left);
  const topics = topicsToPark(context, left, { attempt, progress: batch.progress });
  const [parked, again] = splitBy(left, ({ item }) => topics.has(topicOfItem(item)));
  batch.inHand = [
    ...held,
    ...(await parkSome(context, batch, { left: parked, refused })),
    ...inOrderOfNeed(again),
  ];
};

const runStream = async (context: RelayContext): Promise<void> => {
  const { stopping } = context;
  const releases = createReleases(context);
  const intake = createIntake(context);
  await reopenLanes(context);
  for (;;) {
    const { entries: read, items } = await intake.next(releases.waiting());
    if (read === 0) break;
    const inHand = withoutRepeats(context, items);
    const unreleased = releases.waiting();
    const batch: Batch = { read, readBytes: 0, unreleased, inHand, progress: false, moves: [] };
    for (let attempt = 0; batch.inHand.length > 0 && !stopping.aborted; attempt += 1) {
      if (attempt > 0) {
        const slowest = batch.progress ? slowestAmongOthers : slowestAttempt;
        await context.pause(Math.min(attempt - 1, slowest), stopping);
        batch.inHand = encodedAnew(context, batch.inHand);
        await topUp(context, intake, batch);
      }
      const trying = tryBatch(context, batch, attempt);
      if (attempt === 0) intake.lookAhead(unreleased + read);
      await trying;
    }
    if (stopping.aborted) break;
    releases.add(batch.read, batch.moves);
    if (releases.waiting() > readAtMost.entries) await releases.done();
  }
  await releases.done();
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
  const giveUp = () => {
    stopping.abort();
    // A lane may be waiting for a disk that cannot be read.
    for (const { journal } of context.lanes.values()) journal?.close();
  };
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
