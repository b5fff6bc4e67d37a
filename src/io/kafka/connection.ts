import { Partitioners, type Producer } from "kafkajs";
import type { Logger } from "pino";
import type { Failure } from "../../core/result.ts";
import type { SinkFailure } from "../../core/sink.ts";
import { type Client, createClient, type KafkaSettings, withDeadline } from "./client.ts";
import { toSinkFailure } from "./failure.ts";

type Partitioner = ReturnType<typeof Partitioners.DefaultPartitioner>;

export type Connection = {
  readonly client: Client;
  readonly producer: Producer;
  readonly partitioner: Partitioner;
  /** By topic; what is not here was not asked for yet. */
  readonly partitions: Map<string, Parameters<Partitioner>[0]["partitionMetadata"]>;
  /** Milliseconds of the monotonic clock: when `partitions` was last begun anew. */
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
const partitionsMaxAgeMs = 300_000;

/**
 * No second attempt inside a `sendBatch`: kafkajs begins one while a request of the first may still be under way, whose
 * end then counts the sequence numbers back that later batches use, and the broker takes those for repeats. For an
 * idempotent producer 0 is refused; with NaN no attempt is ever one of the allowed repetitions.
 */
const oneAttempt = { retries: Number.NaN };

/** Rejects with the library's error when no broker lets us in. */
export const openConnection = async (options: ConnectionOptions): Promise<Connection> => {
  const { kafka, log, deadlineMs, signal, onClosed } = options;
  const client = createClient(kafka, log, () => {
    if (client.sockets.size === 0) onClosed();
  });
  const producer = client.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: oneAttempt,
  });
  signal.addEventListener("abort", client.destroy, { once: true });
  try {
    await withDeadline(producer.connect(), { what: "connecting", ms: deadlineMs });
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", client.destroy);
  }
  return {
    client,
    producer,
    partitioner: Partitioners.DefaultPartitioner(),
    partitions: new Map(),
    learnedAt: performance.now(),
  };
};

/** By topic. */
export type Failures = Map<string, Failure<SinkFailure>>;

/** What is not among the failures, by topic, has its partitions in the connection afterwards. */
export const learnPartitions = async (
  connection: Connection,
  topics: readonly string[],
): Promise<Failures> => {
  if (performance.now() - connection.learnedAt > partitionsMaxAgeMs) {
    connection.partitions.clear();
    connection.learnedAt = performance.now();
  }
  const failed: Failures = new Map();
  const unknown = topics.filter((topic) => !connection.partitions.has(topic));
  if (unknown.length === 0) return failed;
  const admin = connection.client.kafka.admin();
  const learn = async (topic: string) => {
    try {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: [topic] });
      connection.partitions.set(topic, found[0]?.partitions ?? []);
    } catch (error) {
      failed.set(topic, toSinkFailure(error));
    }
  };
  try {
    await admin.connect();
    await Promise.all(unknown.map(learn));
    await admin.disconnect();
  } catch (error) {
    for (const topic of unknown) failed.set(topic, toSinkFailure(error));
  }
  return failed;
};
