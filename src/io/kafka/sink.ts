import type { Message, RecordMetadata, TopicMessages } from "kafkajs";
import { fail, ok } from "../../core/result.ts";
import type { KafkaRecord, Sink, SinkOutcome } from "../../core/sink.ts";
import { requestTimeoutMs, withDeadline } from "./client.ts";
import { type Connection, learnPartitions } from "./connection.ts";
import { toSinkFailure } from "./failure.ts";
import { type LinkOptions, openLink } from "./link.ts";

/*
 * kafkajs 2.2.4 acknowledges messages that it never sent (after a leader moved), re-uses sequence numbers after failed
 * requests and can wait for ever. Six rules make it safe; the sink's contract suite proves them:
 *  1. one producer, one `sendBatch` in flight: what waits becomes the next batch;
 *  2. the partition is chosen here, by the library's own partitioner, and set on every message;
 *  3. a record counts as sent only when its topic and partition stand in the result with error code 0;
 *  4. after any rejected send the producer is dropped, its sockets are destroyed and a new one connects;
 *  5. idempotent, one request in flight, acks -1, no topic made by accident, a deadline of our own around every call;
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

const sendThrough = async (
  connection: Connection,
  records: readonly KafkaRecord[],
): Promise<SinkOutcome[]> => {
  const partitions = records.map(({ topic, key, value }) =>
    connection.partitioner({
      topic,
      partitionMetadata: connection.partitions.get(topic) ?? [],
      message: { key, value },
    }),
  );
  try {
    const sent = connection.producer.sendBatch({
      acks: -1,
      timeout: requestTimeoutMs,
      topicMessages: toTopicMessages(records, partitions),
    });
    return toOutcomes(records, partitions, await withDeadline(sent, "sending"));
  } catch (error) {
    return records.map(() => toSinkFailure(error));
  }
};

const sendKnown = async (
  connection: Connection,
  records: readonly KafkaRecord[],
): Promise<readonly SinkOutcome[]> => {
  const failed = await learnPartitions(connection, [...new Set(records.map(({ topic }) => topic))]);
  if (failed.size === 0) return sendThrough(connection, records);
  const known = records.filter(({ topic }) => !failed.has(topic));
  const outcomes = known.length === 0 ? [] : await sendThrough(connection, known);
  return records.map(({ topic }) => failed.get(topic) ?? outcomes.shift() ?? fail("record-not-sent"));
};

export type KafkaSink = Sink & {
  /** False from the moment that the broker is known to be gone until it is back. */
  readonly connected: () => boolean;
};

/** Connects in the background; a `send` without a connection waits for one, up to the deadline of a call. */
export const openKafkaSink = (options: LinkOptions): KafkaSink => {
  const link = openLink(options);
  const closed = Promise.withResolvers<null>();
  let tail: Promise<unknown> = Promise.resolve();

  const sendNow = async (records: readonly KafkaRecord[]): Promise<readonly SinkOutcome[]> => {
    const connection = await link.use();
    if (!connection.ok) return records.map(() => connection);
    const outcomes = await Promise.race([sendKnown(connection.value, records), closed.promise]);
    if (outcomes === null) return records.map(() => fail("broker-unavailable", "the sink was closed"));
    const failure = outcomes.find((outcome) => !outcome.ok);
    if (failure !== undefined && !failure.ok) link.drop(failure);
    else link.done();
    return outcomes;
  };

  return {
    connected: link.connected,
    send: (records) => {
      const sending = tail.then(() => sendNow(records));
      tail = sending;
      return sending;
    },
    [Symbol.asyncDispose]: () => {
      closed.resolve(null);
      return link[Symbol.asyncDispose]();
    },
  };
};
