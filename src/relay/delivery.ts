import type { Entry } from "../core/journal.ts";
import { type Encoded, toDeadLetter } from "../core/record.ts";
import {
  type DeadLetterReason,
  fail,
  type Failure,
  type FailureCode,
  failures,
  isDeadLetterReason,
} from "../core/result.ts";
import type { Sink } from "../core/sink.ts";
import { chunksOf } from "./chunks.ts";

/** A record on its way, and the entry that waits for it. */
export type Item = Encoded & { readonly entry: Entry };
/** An item that is not in Kafka, and why. */
export type Left = {
  readonly item: Item;
  readonly failure: Failure;
  /** False: it only shares the fate of others, its own topic was not asked. */
  readonly tried: boolean;
};

export type Delivery = {
  readonly sink: Sink;
  readonly topicPrefix: string;
  /** Called once for every item as soon as Kafka has it. */
  readonly onDelivered: (item: Item) => void;
  /** True: older records of the topic wait elsewhere, so a new dead letter must not go there by itself. */
  readonly mustQueue: (topic: string) => boolean;
  /** Called for a dead letter that is refused by itself for what it is, instead of leaving it: others need not wait for it. */
  readonly onRefused?: (left: Left) => void;
  /**
   * True: do not take one answer for all topics, send each by itself; and look for the one record that makes its topic
   * fail, which takes a failed call for each halving.
   */
  readonly thorough: boolean;
};

export const topicOfItem = ({ record }: Item): string => record.topic;
const topicOf = ({ item }: Left): string => topicOfItem(item);

const concernsCluster = (code: FailureCode): boolean => {
  const rule = failures[code];
  return rule.handling === "retry" && rule.scope === "cluster";
};

const isRetried = ({ failure }: Left): boolean => failures[failure.code].handling === "retry";

const sendOnce = async (
  { sink, onDelivered }: Delivery,
  items: readonly Item[],
): Promise<readonly Left[]> => {
  const outcomes = await sink.send(items.map(({ record }) => record));
  const left: Left[] = [];
  for (const [index, item] of items.entries()) {
    const outcome = outcomes[index] ?? fail("record-not-sent", "the sink gave no outcome");
    if (outcome.ok) onDelivered(item);
    else left.push({ item, failure: outcome, tried: true });
  }
  return left;
};

const itemsOf = (left: readonly Left[]): readonly Item[] => left.map(({ item }) => item);

/** What cannot be a record of its topic is known: the dead letters get it. */
const giveUp = (
  delivery: Delivery,
  { entry, record, once }: Item,
  failure: Failure<DeadLetterReason>,
): Promise<readonly Left[]> | readonly Left[] => {
  const letter = { reason: failure.code, detail: failure.detail, topic: record.topic };
  const item = { ...toDeadLetter(entry.arrival, letter, delivery.topicPrefix), entry, once };
  if (!delivery.mustQueue(topicOfItem(item))) return deliver(delivery, [item]);
  return [{ item, failure: fail("record-not-sent", "queued behind older dead letters"), tried: true }];
};

/** One topic was refused for what a record is: halve until it stands alone, and give that one to the dead letters. */
const findCulprit = async (delivery: Delivery, left: readonly Left[]): Promise<readonly Left[]> => {
  const [first] = left;
  if (first === undefined) return left;
  const { code, detail } = first.failure;
  if (left.length === 1) {
    if (!isDeadLetterReason(code)) return left;
    if (first.item.letter === null) return giveUp(delivery, first.item, fail(code, detail));
    if (delivery.onRefused === undefined) return left;
    delivery.onRefused(first);
    return [];
  }
  if (!delivery.thorough) return left;
  const middle = Math.ceil(left.length / 2);
  const leftOfFirst = await deliver(delivery, itemsOf(left.slice(0, middle)));
  const topic = topicOf(first);
  // What follows in the same topic must not overtake what is still to be sent.
  if (leftOfFirst.some((one) => topicOf(one) === topic)) return [...leftOfFirst, ...left.slice(middle)];
  return [...leftOfFirst, ...(await deliver(delivery, itemsOf(left.slice(middle))))];
};

/** This many topics in a row, failing by what a retry mends, mean that it is not the topics. */
const inARowForCluster = 2;

/** Each topic by itself, as long as that tells anything. */
const deliverEach = async (delivery: Delivery, byTopic: ReadonlyMap<string, readonly Left[]>) => {
  const still: Left[] = [];
  let inARow = 0;
  for (const [topic, ofTopic] of byTopic) {
    if (inARow >= inARowForCluster) {
      for (const { item, failure } of ofTopic) still.push({ item, failure, tried: false });
      continue;
    }
    const leftOfTopic = await deliver(delivery, itemsOf(ofTopic));
    const own = leftOfTopic.find((one) => topicOf(one) === topic);
    if (own === undefined) inARow = 0;
    else if (isRetried(own)) inARow += 1;
    still.push(...leftOfTopic);
  }
  return still;
};

const deliverTopics = async (delivery: Delivery, left: readonly Left[]): Promise<readonly Left[]> => {
  const byTopic = Map.groupBy(left, topicOf);
  if (byTopic.size === 1)
    return left.some(({ failure }) => isDeadLetterReason(failure.code)) ? findCulprit(delivery, left) : left;
  const [first] = left;
  if (!delivery.thorough && first !== undefined && concernsCluster(first.failure.code)) return left;
  return deliverEach(delivery, byTopic);
};

/**
 * Sends the items, and sends less where that tells which of them fail: by topic, then by halves. What cannot be a record
 * of its topic goes to the dead letters. Returns what Kafka does not have, in order within each topic.
 */
const deliver = async (delivery: Delivery, items: readonly Item[]): Promise<readonly Left[]> => {
  const left = await sendOnce(delivery, items);
  return left.length === 0 ? left : deliverTopics(delivery, left);
};

const notTried = fail("record-not-sent", "others failed before it");

/**
 * As many calls as the broker's limits ask for. Behind a topic that fails, what follows in it is held back and the others go
 * on, until so many have failed in a row that it is the cluster.
 */
export const deliverAll = async (delivery: Delivery, items: readonly Item[]): Promise<readonly Left[]> => {
  const chunks = chunksOf(items);
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return deliver(delivery, only);
  const failed = new Set<string>();
  const left: Left[] = [];
  let inARow = 0;
  for (const chunk of chunks) {
    const stop = inARow >= inARowForCluster;
    const [held, sendable] = splitBy(chunk, (item) => stop || failed.has(topicOfItem(item)));
    const leftOfChunk = sendable.length === 0 ? [] : await deliver(delivery, sendable);
    const newlyFailed = new Set(leftOfChunk.map(topicOf));
    inARow = leftOfChunk.length < sendable.length ? 0 : inARow + newlyFailed.size;
    for (const topic of newlyFailed) failed.add(topic);
    left.push(...leftOfChunk, ...held.map((item) => ({ item, failure: notTried, tried: false })));
  }
  return left;
};

export const splitBy = <T>(
  all: readonly T[],
  first: (one: T) => boolean,
): readonly [readonly T[], readonly T[]] => {
  const ofFirst: T[] = [];
  const others: T[] = [];
  for (const one of all) (first(one) ? ofFirst : others).push(one);
  return [ofFirst, others];
};
