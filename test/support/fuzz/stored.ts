import { hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Kafka, logLevel } from "kafkajs";
import { deadLetterTopic } from "../../../src/core/catalog.ts";
import { runJournal } from "../commands.ts";
import { topicsUnder } from "../records.ts";

const idOf = (body: Buffer): string => hash("sha256", body).slice(0, 32);

/** Ids of all bodies that a journal's directory still holds, by their bytes. */
export const idsInJournal = async (directory: string): Promise<ReadonlySet<string>> => {
  const file = join(directory, "..", "export.jsonl");
  const { code, err } = await runJournal("export", "--all", "--raw", "--dir", directory, "--out", file);
  if (code !== 0) throw new Error(`journal export ended with ${code}: ${err}`);
  const ids = new Set<string>();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { bodyBase64 }: { bodyBase64?: unknown } = { ...JSON.parse(line) };
    ids.add(idOf(Buffer.from(String(bodyBase64), "base64")));
  }
  return ids;
};

const countIn = async (kafka: Kafka, topics: readonly string[]): Promise<number> => {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  await admin.disconnect();
  return offsets.flat().reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
};

/** Ids of all records in the topics under a prefix; those of dead letters by their bytes. */
export const idsInTopics = async (
  brokers: readonly string[],
  prefix: string,
): Promise<ReadonlySet<string>> => {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const topics = topicsUnder(prefix);
  const ids = new Set<string>();
  let left = await countIn(kafka, topics);
  if (left === 0) return ids;
  const { promise, resolve } = Promise.withResolvers<void>();
  const consumer = kafka.consumer({ groupId: `${prefix}fuzz` });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  await consumer.run({
    eachMessage: ({ topic, message: { value, headers = {} } }) => {
      const isLetter = topic === prefix + deadLetterTopic;
      ids.add(isLetter ? idOf(value ?? Buffer.alloc(0)) : String(headers["ce_id"]));
      left -= 1;
      if (left === 0) resolve();
      return Promise.resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return ids;
};
