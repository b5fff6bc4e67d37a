import kafkajs from "kafkajs";
import { fail, type Failure } from "../../core/result.ts";
import type { KafkaRecord, SinkFailure } from "../../core/sink.ts";
import type { Connection } from "./connection.ts";
import { configsOf } from "./topics.ts";

/**
 * `max.message.bytes`, by topic: only of topics that have refused a record for its size, 0 while it was not asked for. A
 * refused send costs the connection; with the limit known, what is larger is refused here.
 */
export type Limits = Map<string, number>;

/** Framing of a batch of one record, at least (https://kafka.apache.org/documentation/#messageformat). */
const framingBytes = 68;
/** A lower bound: what is near the limit is left to the broker. */
const leastBytesOf = ({ key, value, headers }: KafkaRecord): number =>
  Object.entries(headers).reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text),
    framingBytes + Buffer.byteLength(key ?? "") + value.length,
  );

/** Their topics have refused them. */
export const suspect = (limits: Limits, records: readonly KafkaRecord[]): void => {
  for (const { topic } of records) if (!limits.has(topic)) limits.set(topic, 0);
};

/** Throws the library's error. A limit that the user may not see is none. */
const ask = async ({ client }: Connection, limits: Limits, topics: readonly string[]): Promise<void> => {
  const admin = client.kafka.admin();
  await admin.connect();
  const configs = await configsOf(admin, kafkajs.ConfigResourceTypes.TOPIC, topics);
  await admin.disconnect();
  for (const topic of topics)
    limits.set(topic, Number(configs?.get(topic)?.get("max.message.bytes") ?? Infinity));
};

/** Which of the records their topics do not take. A limit may have been raised: before it refuses anything it is asked for anew. */
export const findTooLarge = async (
  connection: Connection,
  records: readonly KafkaRecord[],
  limits: Limits,
): Promise<ReadonlyMap<KafkaRecord, Failure<SinkFailure>>> => {
  if (limits.size === 0) return new Map();
  const larger = () =>
    records.filter((record) => leastBytesOf(record) > (limits.get(record.topic) ?? Infinity));
  const topics = [...new Set(larger().map(({ topic }) => topic))];
  if (topics.length === 0) return new Map();
  await ask(connection, limits, topics);
  return new Map(
    larger().map((record) => {
      const limit = limits.get(record.topic);
      const detail = `${leastBytesOf(record)} bytes or more, and max.message.bytes of the topic is ${limit}`;
      return [record, fail("record-too-large", detail)];
    }),
  );
};
