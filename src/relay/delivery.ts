import type { Entry } from "../core/journal.ts";
import { type Encoded, toDeadLetter } from "../core/record.ts";
import { fail, type Failure, type FailureCode, failures, type DeadLetterReason } from "../core/result.ts";
import type { Sink } from "../core/sink.ts";

/** A record on its way, and the entry that waits for it. */
export type Item = Encoded & { readonly entry: Entry };
/** An item that is not in Kafka, and why. */
export type Left = { readonly item: Item; readonly failure: Failure };

export type Delivery = {
  readonly sink: Sink;
  readonly topicPrefix: string;
  /** Called once for every item as soon as Kafka has it. */
  readonly onDelivered: (item: Item) => void;
  /** True: do not take one answer for all topics, send each by itself. */
  readonly isolate: boolean;
};

export const topicOfItem = ({ record }: Item): string => record.topic;

const isDeadLetterReason = (code: FailureCode): code is DeadLetterReason =>
  failures[code].handling === "dead-letter";

const concernsCluster = (code: FailureCode): boolean => {
  const rule = failures[code];
  return rule.handling === "retry" && rule.scope === "cluster";
};

const sendOnce = async (
  { sink, onDelivered }: Delivery,
  items: readonly Item[],
): Promise<readonly Left[]> => {
  const outcomes = await sink.send(items.map(({ record }) => record));
  return items.flatMap((item, index) => {
    const outcome = outcomes[index] ?? fail("record-not-sent", "the sink gave no outcome");
    if (!outcome.ok) return [{ item, failure: outcome }];
    onDelivered(item);
    return [];
  });
};

/** One topic was refused for what a record is: halve until it stands alone, and give that one to the dead letters. */
const findCulprit = async (delivery: Delivery, left: readonly Left[]): Promise<readonly Left[]> => {
  const [first] = left;
  if (first === undefined) return [];
  const { item, failure } = first;
  const toDeadLetters = item.letter !== null;
  if (left.length === 1 && isDeadLetterReason(failure.code) && !toDeadLetters) {
    const letter = { reason: failure.code, detail: failure.detail, topic: topicOfItem(item) };
    return deliver(delivery, [
      { ...toDeadLetter(item.entry.arrival, letter, delivery.topicPrefix), entry: item.entry },
    ]);
  }
  if (left.length === 1) return left;
  const middle = Math.ceil(left.length / 2);
  const leftOfFirst = await deliver(
    delivery,
    left.slice(0, middle).map((one) => one.item),
  );
  // What follows in the same topic must not overtake what is still to be sent.
  if (leftOfFirst.some((one) => topicOfItem(one.item) === topicOfItem(item))) {
    return [...leftOfFirst, ...left.slice(middle)];
  }
  return [
    ...leftOfFirst,
    ...(await deliver(
      delivery,
      left.slice(middle).map((one) => one.item),
    )),
  ];
};

/** Each topic by itself. When two in a row fail by what a retry mends, it is not the topics: the rest waits with them. */
const deliverTopics = async (delivery: Delivery, left: readonly Left[]): Promise<readonly Left[]> => {
  const byTopic = Map.groupBy(left, ({ item }) => topicOfItem(item));
  if (byTopic.size === 1)
    return left.some(({ failure }) => isDeadLetterReason(failure.code)) ? findCulprit(delivery, left) : left;
  const [first] = left;
  if (!delivery.isolate && first !== undefined && concernsCluster(first.failure.code)) return left;
  const still: Left[] = [];
  let proof: Left["failure"][] = [];
  for (const [topic, ofTopic] of byTopic) {
    const [, second] = proof;
    if (second !== undefined) {
      still.push(...ofTopic.map(({ item }) => ({ item, failure: second })));
      continue;
    }
    const leftOfTopic = await deliver(
      delivery,
      ofTopic.map(({ item }) => item),
    );
    const own = leftOfTopic.find(({ item }) => topicOfItem(item) === topic);
    if (own === undefined) proof = [];
    else if (failures[own.failure.code].handling === "retry") proof.push(own.failure);
    still.push(...leftOfTopic);
  }
  return still;
};

/**
 * Sends the items, and sends less where that tells which of them fail: by topic, then by halves. What cannot be a record
 * of its topic goes to the dead letters. Returns what Kafka does not have, in order within each topic.
 */
export const deliver = async (delivery: Delivery, items: readonly Item[]): Promise<readonly Left[]> => {
  const left = await sendOnce(delivery, items);
  return left.length === 0 ? left : deliverTopics(delivery, left);
};
