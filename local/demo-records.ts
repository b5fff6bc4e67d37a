import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";
import { type IHeaders, Kafka, type KafkaMessage, logLevel } from "kafkajs";

/** A record as any consumer sees it. */
export interface Found {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string;
  readonly eventId: string;
  /** Decoded by the registry client; null for a dead letter, which is no Avro. */
  readonly value: Readonly<Record<string, unknown>> | null;
  /** Why it is a dead letter. */
  readonly reason: string;
}

export interface Place {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly topics: readonly string[];
  readonly deadLetters: string;
}

const patienceMs = 20_000;

type At = { readonly topic: string; readonly partition: number; readonly message: KafkaMessage };

/** All that the topics hold now, read with a plain consumer and the registry client: nothing of the bridge decodes. */
export async function readRecords(place: Place): Promise<readonly Found[]> {
  const kafka = new Kafka({ brokers: [...place.brokers], logLevel: logLevel.NOTHING });
  const registry = new SchemaRegistry({ host: place.registryUrl });
  const messages = await consumeAll(kafka, place.topics);
  return Promise.all(messages.map((at) => toFound(at, registry, place.deadLetters)));
}

async function countOf(kafka: Kafka, topics: readonly string[]): Promise<number> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const offsets = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
    return offsets.flat().reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  } finally {
    await admin.disconnect();
  }
}

async function consumeAll(kafka: Kafka, topics: readonly string[]): Promise<readonly At[]> {
  const count = await countOf(kafka, topics);
  const messages: At[] = [];
  if (count === 0) return messages;
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  const consumer = kafka.consumer({ groupId: `demo-${process.pid}-${Date.now()}` });
  const patience = setTimeout(resolve, patienceMs);
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({
      eachMessage: (at) => {
        messages.push(at);
        if (messages.length >= count) resolve();
        return Promise.resolve();
      },
    });
    await complete;
  } finally {
    clearTimeout(patience);
    await consumer.disconnect();
  }
  return messages;
}

async function toFound({ topic, partition, message }: At, registry: SchemaRegistry, deadLetters: string) {
  const { offset, key, headers, value } = message;
  const decoded: unknown =
    topic === deadLetters || value === null ? null : plain(await registry.decode(value));
  return {
    topic,
    partition,
    offset,
    key: key?.toString() ?? "",
    eventId: headerOf(headers, "ce_id"),
    value: isRecord(decoded) ? decoded : null,
    reason: headerOf(headers, "dead-letter-reason"),
  };
}

function headerOf(headers: IHeaders | undefined, name: string): string {
  const value = headers?.[name];
  return Array.isArray(value) ? String(value[0]) : String(value ?? "");
}

/** Out of the decoder's own classes. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
