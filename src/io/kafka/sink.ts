import type { Message, RecordMetadata, TopicMessages } from "kafkajs";
import { partitionOf } from "../../core/murmur2.ts";
import { fail, type Failure, failures, ok } from "../../core/result.ts";
import type { KafkaRecord, Sink, SinkFailure, SinkOutcome } from "../../core/sink.ts";
import { callDeadlineMs, requestTimeoutMs, withDeadline } from "./client.ts";
import { type Connection, learnPartitions } from "./connection.ts";
import { toSinkFailure } from "./failure.ts";
import { findTooLarge, type Limits, suspect } from "./limits.ts";
import { type LinkOptions, openLink } from "./link.ts";

/*
 * kafkajs 2.2.4 acknowledges messages that it never sent (after a leader moved), re-uses sequence numbers after failed
 * requests and can wait for ever. Six rules make it safe; the sink's contract suite proves them:
 *  1. one producer, one `sendBatch` in flight: what waits becomes the next batch;
 *  2. the partition is chosen here, as the library's own partitioner would, and set on every message;
 *  3. a record counts as sent only when its topic and partition stand in the result with error code 0;
 *  4. after any rejected send the producer is dropped, its sockets are destroyed and a new one connects;
 *  5. idempotent, one request in flight, one attempt, acks -1, no topic made by accident, a deadline around every call;
 *  6. a topic's partitions are asked for before its first record goes to a producer: a topic that is missing would poison
 *     that producer's metadata for all other topics.
 */

const toTopicMessages = (records: readonly KafkaRecord[], partitions: readonly number[]): TopicMessages[] => {
  const byTopic = new Map<string, Message[]>();
  for (const [index, { topic, key, value, headers, timestamp }] of records.entries()) {
    const message: Message = { key, value, headers, timestamp: String(timestamp) };
    const partition = partitions[index];
    if (partition !== undefined) message.partition = partition;
    const messages = byTopic.get(topic);
    if (messages === undefined) byTopic.set(topic, [message]);
    else messages.push(message);
  }
  return [...byTopic].map(([topic, messages]) => ({ topic, messages }));
};

/** Rule 3: what the result does not name was not sent, whatever kafkajs says. */
const toOutcomes = (
  records: readonly KafkaRecord[],
  partitions: readonly number[],
  result: readonly RecordMetadata[],
): SinkOutcome[] => {
  const acknowledged = new Set(
    result
      .filter(({ errorCode }) => errorCode === 0)
      .map(({ topicName, partition }) => `${topicName}/${partition}`),
  );
  return records.map(({ topic }, index) => {
    const partition = partitions[index] ?? -1;
    return acknowledged.has(`${topic}/${partition}`)
      ? ok({ partition })
      : fail("record-not-sent", "kafkajs reported success without this partition");
  });
};

type Sent = {
  readonly outcomes: readonly SinkOutcome[];
  /** Why the connection must not be used again. */
  readonly spoiled: Failure<SinkFailure> | null;
};

const isFailure = (outcome: SinkOutcome): outcome is Failure<SinkFailure> => !outcome.ok;

const isOfTopic = ({ code }: Failure<SinkFailure>): boolean => failures[code].handling === "park";

const allFailed = (records: readonly KafkaRecord[], failure: Failure<SinkFailure>): Sent => ({
  outcomes: records.map(() => failure),
  spoiled: failure,
});

/** kafkajs asks about all topics of a producer together and does not say which one was refused: perhaps not this one. */
const toSendFailure = (error: unknown, { partitions }: Connection): Failure<SinkFailure> => {
  const failure = toSinkFailure(error);
  return isOfTopic(failure) && partitions.size > 1 ? fail("record-not-sent", failure.detail) : failure;
};

const sendThrough = async (connection: Connection, records: readonly KafkaRecord[]): Promise<Sent> => {
  const partitions = records.map(({ topic, key, value }) => {
    const partitionMetadata = connection.partitions.get(topic) ?? [];
    if (key !== null) return partitionOf(key, partitionMetadata.length);
    return connection.partitioner({ topic, partitionMetadata, message: { key, value } });
  });
  try {
    const result = await connection.producer.sendBatch({
      acks: -1,
      timeout: requestTimeoutMs,
      topicMessages: toTopicMessages(records, partitions),
    });
    const outcomes = toOutcomes(records, partitions, result);
    return { outcomes, spoiled: outcomes.find(isFailure) ?? null };
  } catch (error) {
    return allFailed(records, toSendFailure(error, connection));
  }
};

const sendKnown = async (
  connection: Connection,
  records: readonly KafkaRecord[],
  limits: Limits,
): Promise<Sent> => {
  const failed = await learnPartitions(connection, [...new Set(records.map(({ topic }) => topic))]);
  const tooLarge = await findTooLarge(connection, records, limits);
  if (failed.size === 0 && tooLarge.size === 0) return sendThrough(connection, records);
  const known = records.filter((record) => !failed.has(record.topic) && !tooLarge.has(record));
  const sent = known.length === 0 ? { outcomes: [], spoiled: null } : await sendThrough(connection, known);
  const rest = sent.outcomes.values();
  const outcomeOf = (record: KafkaRecord): SinkOutcome =>
    failed.get(record.topic) ?? tooLarge.get(record) ?? rest.next().value ?? fail("record-not-sent");
  return {
    outcomes: records.map(outcomeOf),
    // A topic that the cluster does not have was not asked for by the producer: it is as good as before.
    spoiled: sent.spoiled ?? [...failed.values()].find((failure) => !isOfTopic(failure)) ?? null,
  };
};

const sendInTime = async (
  connection: Connection,
  records: readonly KafkaRecord[],
  limits: Limits,
): Promise<Sent> => {
  try {
    const sending = sendKnown(connection, records, limits);
    const sent = await withDeadline(sending, { what: "sending", ms: callDeadlineMs });
    if (sent.spoiled?.code === "record-too-large") suspect(limits, records);
    return sent;
  } catch (error) {
    return allFailed(records, toSinkFailure(error));
  }
};

export type KafkaSink = Sink & {
  /** False from the moment that the broker is known to be gone until it is back. */
  readonly connected: () => boolean;
};

/** Connects in the background; a `send` without a connection waits for one, up to the deadline of a call. */
export const openKafkaSink = (options: LinkOptions): KafkaSink => {
  const link = openLink(options);
  const limits: Limits = new Map();
  let closed = false;
  /** Ends the call that is under way without an outcome. */
  let giveUp: (() => void) | null = null;
  let tail: Promise<unknown> = Promise.resolve();

  const sendNow = async (records: readonly KafkaRecord[]): Promise<readonly SinkOutcome[]> => {
    if (records.length === 0) return [];
    const connection = await link.use();
    if (!connection.ok) return records.map(() => connection);
    // A promise for each call: one for the life of the sink would keep the outcome of all of them.
    const given = Promise.withResolvers<null>();
    giveUp = () => given.resolve(null);
    if (closed) given.resolve(null);
    const sent = await Promise.race([sendInTime(connection.value, records, limits), given.promise]);
    if (sent === null) return records.map(() => fail("broker-unavailable", "the sink was closed"));
    if (sent.spoiled === null) link.done();
    else link.drop(sent.spoiled);
    return sent.outcomes;
  };

  return {
    connected: link.connected,
    send: (records) => {
      const sending = tail.then(() => sendNow(records));
      tail = sending;
      return sending;
    },
    [Symbol.asyncDispose]: () => {
      closed = true;
      giveUp?.();
      return link[Symbol.asyncDispose]();
    },
  };
};
