import { partitionOf } from "../../core/murmur2.ts";
import { fail, type Failure, failures, ok } from "../../core/result.ts";
import type { KafkaRecord, Sink, SinkFailure, SinkOutcome } from "../../core/sink.ts";
import { callDeadlineMs, requestTimeoutMs } from "./client.ts";
import { withDeadline } from "./deadline.ts";
import { type Connection, learnLeaders } from "./connection.ts";
import { toSinkFailure } from "./failure.ts";
import { findTooLarge, type Limits, suspect } from "./limits.ts";
import { type LinkOptions, openLink } from "./link.ts";
import { type Part, produce } from "./producer.ts";

/*
 * Of kafkajs 2.2.4 the connections are used, and not the producer, which acknowledges messages that it never sent (after a
 * leader moved) and re-uses sequence numbers after failed requests. Six rules, which the sink's contract suite proves:
 *  1. one call in flight: what waits becomes the next batch;
 *  2. the partition is chosen here, as Java's and kafkajs' own partitioner would;
 *  3. a record counts as sent only when its partition stands in the leader's answer with error code 0;
 *  4. after any failed request the connection is dropped, its sockets are destroyed and a new producer connects;
 *  5. idempotent, one request in flight and one attempt for each leader, acks -1, a deadline around every call;
 *  6. a topic's leaders are asked for by themselves, before its first record: a topic that is missing fails alone.
 */

/** Answers that are there count when the call as a whole has used up its time. */
const times = { replicasMs: requestTimeoutMs, answerMs: callDeadlineMs - 500 };

type Outgoing = Part & { readonly records: KafkaRecord[]; readonly delivered: SinkOutcome };

/** Where a record without a key goes: from one partition to the next. */
const nextPartition = (connection: Connection, partitions: number): number =>
  (connection.keyless += 1) % partitions;

/** Of each record the part that it was put in; the parts, in the order of their first records. */
const toParts = (connection: Connection, records: readonly KafkaRecord[]) => {
  const byTopic = new Map<string, Outgoing[]>();
  const parts: Outgoing[] = [];
  const partOfEach = records.map((record) => {
    const { topic, key } = record;
    const leaders = connection.leaders.get(topic) ?? [];
    const partition =
      key === null ? nextPartition(connection, leaders.length) : partitionOf(key, leaders.length);
    const ofTopic = byTopic.get(topic) ?? [];
    byTopic.set(topic, ofTopic);
    let part = ofTopic[partition];
    if (part === undefined) {
      part = {
        topic,
        partition,
        leader: leaders[partition] ?? -1,
        records: [],
        delivered: ok({ partition }),
      };
      ofTopic[partition] = part;
      parts.push(part);
    }
    part.records.push(record);
    return part;
  });
  return { parts, partOfEach };
};

type Sent = {
  readonly outcomes: readonly SinkOutcome[];
  /** Why the connection must not be used again. */
  readonly spoiled: Failure<SinkFailure> | null;
};

const isOfTopic = ({ code }: Failure<SinkFailure>): boolean => failures[code].handling === "park";

const isTooLarge = (outcome: SinkOutcome | undefined): boolean =>
  outcome?.ok === false && outcome.code === "record-too-large";

const allFailed = (records: readonly KafkaRecord[], failure: Failure<SinkFailure>): Sent => ({
  outcomes: records.map(() => failure),
  spoiled: failure,
});

const sendThrough = async (connection: Connection, records: readonly KafkaRecord[]): Promise<Sent> => {
  const { parts, partOfEach } = toParts(connection, records);
  const failed = await produce(connection.producer, parts, times);
  const outcomes = partOfEach.map((part) => failed.get(part) ?? part.delivered);
  const [spoiled = null] = failed.values();
  return { outcomes, spoiled };
};

const sendKnown = async (
  connection: Connection,
  records: readonly KafkaRecord[],
  limits: Limits,
): Promise<Sent> => {
  const failed = await learnLeaders(connection, [...new Set(records.map(({ topic }) => topic))]);
  const tooLarge = await findTooLarge(connection, records, limits);
  if (failed.size === 0 && tooLarge.size === 0) return sendThrough(connection, records);
  const known = records.filter((record) => !failed.has(record.topic) && !tooLarge.has(record));
  const sent = known.length === 0 ? { outcomes: [], spoiled: null } : await sendThrough(connection, known);
  const rest = sent.outcomes.values();
  const outcomeOf = (record: KafkaRecord): SinkOutcome =>
    failed.get(record.topic) ?? tooLarge.get(record) ?? rest.next().value ?? fail("record-not-sent");
  return {
    outcomes: records.map(outcomeOf),
    // A topic that the cluster does not have was asked for by itself: the connection is as good as before.
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
    suspect(
      limits,
      records.filter((_, index) => isTooLarge(sent.outcomes[index])),
    );
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
