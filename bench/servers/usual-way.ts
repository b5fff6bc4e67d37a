import { readFileSync } from "node:fs";
import { SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { Kafka, logLevel } from "kafkajs";
import {
  catalog,
  eventNamed,
  type EventName,
  eventNames,
  subjectOf,
  topicOf,
} from "../../src/core/catalog.ts";
import { serve, settingsOf } from "./route.ts";
import { type Payload, toValue } from "./usual-value.ts";

// The usual way: encode with the registry's client and await one send for each request. No journal, no repeats, no dead
// letters, no lenient reading; what it cannot encode or send is an error 500.

const { secret, brokers, registryUrl, prefix } = settingsOf(process.env);
const kafka = new Kafka({ clientId: "usual-way", brokers: brokers.split(","), logLevel: logLevel.NOTHING });
const registry = new SchemaRegistry({ host: registryUrl });
const topics = eventNames.map((event) => topicOf(event, prefix));

const admin = kafka.admin();
await admin.connect();
await admin.createTopics({
  topics: topics.map((topic) => ({ topic, numPartitions: 3 })),
  waitForLeaders: true,
});
await admin.disconnect();

const register = async (event: EventName): Promise<readonly [EventName, number]> => {
  const schema = readFileSync(
    new URL(`../../schemas/${catalog[event].schema}.avsc`, import.meta.url),
    "utf8",
  );
  const subject = subjectOf(topicOf(event, prefix));
  const { id } = await registry.register({ type: SchemaType.AVRO, schema }, { subject });
  return [event, id];
};
const ids = new Map(await Promise.all(eventNames.map(register)));

const producer = kafka.producer({ allowAutoTopicCreation: false });
await producer.connect();

const isPayload = (payload: unknown): payload is Payload => typeof payload === "object" && payload !== null;

await serve(secret, async (payload) => {
  if (!isPayload(payload)) throw new Error("not a callback");
  const { event: webhookAction, callBackDesc = "" } = payload;
  const dialect = webhookAction === undefined ? "apps-callback" : "webhook";
  const event = eventNamed(dialect, webhookAction ?? callBackDesc);
  const { key, value } = toValue(payload, dialect);
  const encoded = await registry.encode(ids.get(event) ?? 0, value);
  await producer.send({ topic: topicOf(event, prefix), acks: -1, messages: [{ key, value: encoded }] });
});
