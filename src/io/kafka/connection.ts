import type { Logger } from "pino";
import type { Failure } from "../../core/result.ts";
import type { SinkFailure } from "../../core/sink.ts";
import { type Client, createClient, type KafkaSettings } from "./client.ts";
import { withDeadline } from "./deadline.ts";
import { toSinkFailure } from "./failure.ts";
import type { PartitionMetadata } from "./kafkajs.ts";
import { openProducer, type Producer } from "./producer.ts";

export type Connection = {
  readonly client: Client;
  readonly producer: Producer;
  /** Leaders by topic, in the order of their partitions; what is not here was not asked for yet. */
  readonly leaders: Map<string, readonly number[]>;
  /** Counts the records without a key. */
  keyless: number;
  /** Milliseconds of the monotonic clock: when `leaders` was last begun anew. */
  learnedAt: number;
};

export type ConnectionOptions = {
  readonly kafka: KafkaSettings;
  readonly log: Logger;
  readonly deadlineMs: number;
  /** Ends the attempt at once. */
  readonly signal: AbortSignal;
  /** The last socket has closed. */
  readonly onClosed: () => void;
};

/** As often as kafkajs itself, and Java's producer, ask again: a topic may have got more partitions. */
const leadersMaxAgeMs = 300_000;

/** Rejects with the library's error when no broker lets us in. */
export const openConnection = async (options: ConnectionOptions): Promise<Connection> => {
  const { kafka, log, deadlineMs, signal, onClosed } = options;
  const client = createClient(kafka, log, () => {
    if (client.sockets.size === 0) onClosed();
  });
  signal.addEventListener("abort", client.destroy, { once: true });
  try {
    const opening = openProducer(client.cluster);
    const producer = await withDeadline(opening, { what: "connecting", ms: deadlineMs });
    return { client, producer, leaders: new Map(), keyless: 0, learnedAt: performance.now() };
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", client.destroy);
  }
};

/** By topic. */
export type Failures = Map<string, Failure<SinkFailure>>;

const leadersIn = (partitions: readonly PartitionMetadata[]): readonly number[] => {
  const leaders: number[] = [];
  for (const { partitionId, leader } of partitions) leaders[partitionId] = leader;
  return leaders;
};

const learn = async (connection: Connection, topics: readonly string[]): Promise<Failures> => {
  const failed: Failures = new Map();
  const broker = await connection.producer.cluster.brokerPool.findConnectedBroker();
  // Each by itself: asked for several, kafkajs tells one fault of one of them.
  const ask = async (topic: string) => {
    try {
      const { topicMetadata } = await broker.metadata([topic]);
      connection.leaders.set(topic, leadersIn(topicMetadata[0]?.partitionMetadata ?? []));
    } catch (error) {
      failed.set(topic, toSinkFailure(error));
    }
  };
  await Promise.all(topics.map(ask));
  return failed;
};

/** In the background: nothing waits for it, and what fails is asked again when it is needed or old again. */
const relearn = async (connection: Connection): Promise<void> => {
  connection.learnedAt = performance.now();
  // Its failures are those of the next send.
  await learn(connection, [...connection.leaders.keys()]).catch(() => undefined);
};

/** What is not among the failures, by topic, has its leaders in the connection afterwards. */
export const learnLeaders = async (connection: Connection, topics: readonly string[]): Promise<Failures> => {
  const isOld = performance.now() - connection.learnedAt > leadersMaxAgeMs;
  // What was known stays until there is an answer: a broker that has none must not hold up what leaders still take.
  if (isOld) void relearn(connection);
  const unknown = topics.filter((topic) => !connection.leaders.has(topic));
  if (unknown.length === 0) return new Map();
  try {
    return await learn(connection, unknown);
  } catch (error) {
    const failure = toSinkFailure(error);
    return new Map(unknown.map((topic) => [topic, failure]));
  }
};
