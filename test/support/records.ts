import { type IHeaders, Kafka, logLevel } from "kafkajs";
import { deadLetterTopic, eventNames, topicOf } from "../../src/core/catalog.ts";
import { eventually } from "./eventually.ts";

export type FoundRecord = {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
};

export const topicsUnder = (prefix: string): readonly string[] => [
  ...eventNames.map((event) => topicOf(event, prefix)),
  prefix + deadLetterTopic,
];

const toHeaders = (headers: IHeaders = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

const countIn = async (kafka: Kafka, topics: readonly string[]): Promise<number> => {
  const admin = kafka.admin();
  await admin.connect();
  try {
    // One after the other: what is still under way when the admin disconnects would connect it again, for ever.
    const offsets: Awaited<ReturnType<typeof admin.fetchTopicOffsets>> = [];
    for (const topic of topics) offsets.push(...(await admin.fetchTopicOffsets(topic)));
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  } finally {
    await admin.disconnect();
  }
};

/** Every record that the topics hold now, in the order of each partition, by a plain consumer. */
export const recordsIn = async (
  brokers: readonly string[],
  topics: readonly string[],
): Promise<readonly FoundRecord[]> => {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const records: FoundRecord[] = [];
  // A topic that was just made may have no leader yet.
  const count = await eventually(() => countIn(kafka, topics));
  if (count === 0) return records;
  const consumer = kafka.consumer({ groupId: `reader-${process.pid}-${performance.now()}` });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    eachMessage: ({ topic, partition, message: { key, value, headers, timestamp } }) => {
      records.push({
        topic,
        partition,
        key: key?.toString() ?? null,
        value: value ?? Buffer.alloc(0),
        headers: toHeaders(headers),
        timestamp: Number(timestamp),
      });
      if (records.length === count) resolve();
      return Promise.resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return records;
};
