import { Kafka, logLevel } from "kafkajs";

const idOf = (header: Buffer | string | (Buffer | string)[] | undefined): string =>
  Array.isArray(header) ? idOf(header[0]) : String(header ?? "");

/** The `ce_id` of every record in the topic, as often as it stands there, in the order of each partition. */
export const idsInTopic = async (brokers: readonly string[], topic: string): Promise<readonly string[]> => {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  let missing = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const ids: string[] = [];
  if (missing === 0) return ids;
  const consumer = kafka.consumer({ groupId: `reader-${topic}-${process.pid}-${performance.now()}` });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      ids.push(idOf(message.headers?.["ce_id"]));
      missing -= 1;
      if (missing === 0) resolve();
      return Promise.resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return ids;
};
