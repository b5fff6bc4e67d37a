import { createRequire } from "node:module";
import { fail, type Failure } from "../../core/result.ts";
import type { KafkaRecord, SinkFailure } from "../../core/sink.ts";
import { withDeadline } from "./deadline.ts";
import { toSinkFailure } from "./failure.ts";
import type { Cluster, ProducerId } from "./kafkajs.ts";
import type { PartitionAnswer } from "./produce-response.ts";

/** Records of one partition, in order. */
export type Part = {
  readonly topic: string;
  readonly partition: number;
  /** Node id of the broker that takes them. */
  readonly leader: number;
  readonly records: readonly KafkaRecord[];
};

/**
 * Idempotent: the broker recognises what it has had by the producer's id and a number that counts the records of each
 * partition. After a failure the numbers are of no use any more: open another producer.
 */
export type Producer = {
  readonly cluster: Cluster;
  readonly id: ProducerId;
  /** By topic and partition: how many records were sent. */
  readonly sequences: Map<string, number[]>;
};

const createErrorFromCode: (code: number) => Error = createRequire(import.meta.url)(
  "kafkajs/src/protocol/error",
).createErrorFromCode;

/** Milliseconds; of no meaning without transactions, but asked for. */
const transactionTimeout = 60_000;

/** Rejects with the library's error when no broker lets us in. */
export const openProducer = async (cluster: Cluster): Promise<Producer> => {
  await cluster.connect();
  await cluster.refreshMetadata();
  const broker = await cluster.brokerPool.findConnectedBroker();
  return { cluster, id: await broker.initProducerId({ transactionTimeout }), sequences: new Map() };
};

/** The number of the first of these records. Behind 2^31 − 1 comes 0. */
const takeSequence = ({ sequences }: Producer, { topic, partition, records }: Part): number => {
  const ofTopic = sequences.get(topic) ?? [];
  sequences.set(topic, ofTopic);
  const first = ofTopic[partition] ?? 0;
  ofTopic[partition] = (first + records.length) % 2 ** 31;
  return first;
};

const toTopicData = (producer: Producer, parts: readonly Part[]) =>
  [...Map.groupBy(parts, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
    topic,
    partitions: ofTopic.map((part) => ({
      partition: part.partition,
      firstSequence: takeSequence(producer, part),
      records: part.records,
    })),
  }));

export type FailedParts = ReadonlyMap<Part, Failure<SinkFailure>>;

const notNamed = fail("record-not-sent", "the broker's answer does not name this partition");
/** Of a topic that is just being made or moved too: whether it is missing is told when its leaders are asked for anew. */
const unknownThere = fail("record-not-sent", "the broker does not know the partition");
const unknownTopicOrPartition = 3;

/** What an answer does not name was not written, whatever it says. */
const failuresIn = (answers: readonly PartitionAnswer[], parts: readonly Part[]): FailedParts => {
  const codes = new Map<string, number[]>();
  for (const { topic, partition, errorCode } of answers) {
    const ofTopic = codes.get(topic) ?? [];
    // Named twice, the worse counts.
    if ((ofTopic[partition] ?? 0) === 0) ofTopic[partition] = errorCode;
    codes.set(topic, ofTopic);
  }
  const failed = new Map<Part, Failure<SinkFailure>>();
  for (const part of parts) {
    const code = codes.get(part.topic)?.[part.partition];
    if (code === undefined) failed.set(part, notNamed);
    else if (code === unknownTopicOrPartition) failed.set(part, unknownThere);
    else if (code !== 0) failed.set(part, toSinkFailure(createErrorFromCode(code)));
  }
  return failed;
};

type Call = { readonly leader: number; readonly parts: readonly Part[]; readonly times: Times };

const send = async (producer: Producer, { leader, parts, times }: Call) => {
  const broker = await producer.cluster.findBroker({ nodeId: leader });
  const topicData = toTopicData(producer, parts);
  return broker.produce({ acks: -1, timeout: times.replicasMs, ...producer.id, topicData });
};

const produceTo = async (producer: Producer, call: Call): Promise<FailedParts> => {
  const { parts, times } = call;
  try {
    const { answers } = await withDeadline(send(producer, call), { what: "sending", ms: times.answerMs });
    return failuresIn(answers, parts);
  } catch (error) {
    const failure = toSinkFailure(error);
    return new Map(parts.map((part) => [part, failure]));
  }
};

export type Times = {
  /** Milliseconds that a leader may wait for its replicas. */
  readonly replicasMs: number;
  /** Milliseconds for each leader: one that hangs fails alone. */
  readonly answerMs: number;
};

/** One request to each leader, all at once. Gives the parts that were not written. */
export const produce = async (
  producer: Producer,
  parts: readonly Part[],
  times: Times,
): Promise<FailedParts> => {
  const calls = [...Map.groupBy(parts, ({ leader }) => leader)].map(([leader, ofLeader]) =>
    produceTo(producer, { leader, parts: ofLeader, times }),
  );
  const failed = await Promise.all(calls);
  return new Map(failed.flatMap((ofLeader) => [...ofLeader]));
};
