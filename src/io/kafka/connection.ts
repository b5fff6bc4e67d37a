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
};

export type ConnectionOptions = {
  readonly kafka: KafkaSettings;
  readonly log: Logger;
  /** The last socket has closed. */
  readonly onClosed: () => void;
};

/** Rejects with the library's error when no broker lets us in. */
export const openConnection = async ({ kafka, log, onClosed }: ConnectionOptions): Promise<Connection> => {
  const client = createClient(kafka, log, () => {
    if (client.sockets.size === 0) onClosed();
  });
  const producer = client.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  try {
    await withDeadline(producer.connect(), "connecting");
  } catch (error) {
    client.destroy();
    throw error;
  }
  return { client, producer, partitioner: Partitioners.DefaultPartitioner(), partitions: new Map() };
};

/** By topic. */
export type Failures = Map<string, Failure<SinkFailure>>;

/** What is not among the failures, by topic, has its partitions in the connection afterwards. */
export const learnPartitions = async (
  connection: Connection,
  topics: readonly string[],
): Promise<Failures> => {
  const failed: Failures = new Map();
  const unknown = topics.filter((topic) => !connection.partitions.has(topic));
  if (unknown.length === 0) return failed;
  const admin = connection.client.kafka.admin();
  const learn = async (topic: string) => {
    try {
      const { topics: found } = await withDeadline(
        admin.fetchTopicMetadata({ topics: [topic] }),
        "reading metadata",
      );
      connection.partitions.set(topic, found[0]?.partitions ?? []);
    } catch (error) {
      failed.set(topic, toSinkFailure(error));
    }
  };
  try {
    await withDeadline(admin.connect(), "connecting");
    await Promise.all(unknown.map(learn));
    await withDeadline(admin.disconnect(), "disconnecting");
  } catch (error) {
    for (const topic of unknown) failed.set(topic, toSinkFailure(error));
  }
  return failed;
};
