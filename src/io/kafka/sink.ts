import type { Message, RecordMetadata, TopicMessages } from "kafkajs";
import { partitionOf } from "../../core/murmur2.ts";
import { fail, type Failure, failures, ok } from "../../core/result.ts";
import type { KafkaRecord, Sink, SinkFailure, SinkOutcome } from "../../core/sink.ts";
import { callDeadlineMs, requestTimeoutMs, withDeadline } from "./client.ts";
import { type Connection, learnPartitions } from "./connection.ts";
import { toSinkFailure } from "./failure.ts";
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
    const message: Message = { key, value, headers: { ...headers }, timestamp: String(timestamp) };
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

const sendKnown = async (connection: Connection, records: readonly KafkaRecord[]): Promise<Sent> => {
  const failed = await learnPartitions(connection, [...new Set(records.map(({ topic }) => topic))]);
  if (failed.size === 0) return sendThrough(connection, records);
  const known = records.filter(({ topic }) => !failed.has(topic));
  const sent = known.length === 0 ? { outcomes: [], spoiled: null } : await sendThrough(connection, known);
  const rest = sent.outcomes.values();
  return {
    outcomes: records.map(({ topic }) => failed.get(topic) ?? rest.next().value ?? fail("record-not-sent")),
    // A topic that the cluster does not have was not asked for by the producer: it is as good as before.
    spoiled: sent.spoiled ?? [...failed.values()].find((failure) => !isOfTopic(failure)) ?? null,
  };
};

const sendInTime = async (connection: Connection, records: readonly KafkaRecord[]): Promise<Sent> => {
  try {
    const sent = sendKnown(connection, records);
    return await withDeadline(sent, { what: "sending", ms: callDeadlineMs });
  } catch (error) {
    return allFailed(records, toSinkFailure(error));
  }
};

/** Not `Promise.race` with one promise for the life of the sink: that one would keep the outcome of every call. */
const unlessAborted = async (call: Promise<Sent>, signal: AbortSignal): Promise<Sent | null> => {
  const { promise, resolve } = Promise.withResolvers<null>();
  const end = () => resolve(null);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    return await Promise.race([call, promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
};

export type KafkaSink = Sink & {
  /** False from the moment that the broker is known to be gone until it is back. */
  readonly connected: () => boolean;
};

/** Connects in the background; a `send` without a connection waits for one, up to the deadline of a call. */
export const openKafkaSink = (options: LinkOptions): KafkaSink => {
  const link = openLink(options);
  const closing = new AbortController();
  let tail: Promise<unknown> = Promise.resolve();

  const sendNow = async (records: readonly KafkaRecord[]): Promise<readonly SinkOutcome[]> => {
    if (records.length === 0) return [];
    const connection = await link.use();
    if (!connection.ok) return records.map(() => connection);
    const sent = await unlessAborted(sendInTime(connection.value, records), closing.signal);
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
      closing.abort();
      return link[Symbol.asyncDispose]();
    },
  };
};
