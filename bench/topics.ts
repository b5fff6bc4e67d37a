import { Kafka, logLevel } from "kafkajs";
import type { CandidateName } from "./candidates.ts";
import type { Place } from "./place.ts";
import { sumOf } from "./statistics.ts";

const openKafka = ({ brokers }: Place): Kafka =>
  new Kafka({ clientId: "bench", brokers: brokers.split(","), logLevel: logLevel.NOTHING });

const topicsOf = async (kafka: Kafka, prefix: string): Promise<ReadonlyMap<string, number>> => {
  const admin = kafka.admin();
  await admin.connect();
  const names = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
  const counts = await Promise.all(
    names.map(async (topic) => {
      const offsets = await admin.fetchTopicOffsets(topic);
      return [topic, offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)] as const;
    }),
  );
  await admin.disconnect();
  return new Map(counts);
};

/** Records in all topics of a candidate, dead letters included. */
export const recordsOf = async (place: Place, name: CandidateName): Promise<number> => {
  const counts = await topicsOf(openKafka(place), `${place.prefix}${name}.`);
  return sumOf(counts.values());
};

/** How often each key stands in the topics of a candidate: a bench callback has a key that no other has. */
export const keysOf = async (place: Place, name: CandidateName): Promise<ReadonlyMap<string, number>> => {
  const kafka = openKafka(place);
  const counts = await topicsOf(kafka, `${place.prefix}${name}.`);
  let missing = sumOf(counts.values());
  const keys = new Map<string, number>();
  if (missing === 0) return keys;
  const consumer = kafka.consumer({ groupId: `${place.prefix}reader-${performance.now()}` });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topics: [...counts.keys()], fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      const key = String(message.key);
      keys.set(key, (keys.get(key) ?? 0) + 1);
      missing -= 1;
      if (missing === 0) resolve();
      return Promise.resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return keys;
};
