import { randomBytes } from "node:crypto";
import kafkajs from "kafkajs";
import { pino } from "pino";
import { type KafkaNode, startKafka } from "../../local/kafka.ts";
import type { KafkaRecord } from "../../src/core/sink.ts";
import type { KafkaSettings } from "../../src/io/kafka/client.ts";
import { type KafkaSink, openKafkaSink } from "../../src/io/kafka/sink.ts";
import { eventually } from "./eventually.ts";
import { type FaultProxy, openFaultProxy } from "./faultProxy.ts";
import { type FoundRecord, recordsIn } from "./records.ts";

const { ConfigResourceTypes, Kafka, logLevel } = kafkajs;

/** Brokers of one's own, each with a fault proxy in front of what clients use. */
export interface ProxiedKafka extends AsyncDisposable {
  readonly bootstrap: readonly string[];
  /** Past the proxies. */
  readonly internal: readonly string[];
  readonly nodes: readonly KafkaNode[];
  readonly proxies: readonly FaultProxy[];
  /** A new topic with a name that no other has; as many replicas as there are brokers, unless told otherwise. */
  readonly createTopic: (partitions?: number, replicas?: number) => Promise<string>;
  /** `max.message.bytes` of the topic. */
  readonly setLimit: (topic: string, bytes: number) => Promise<void>;
  readonly deleteTopic: (topic: string) => Promise<void>;
  readonly addPartitions: (topic: string, count: number) => Promise<void>;
  readonly recreateTopic: (topic: string, partitions: number) => Promise<void>;
  readonly leaderOf: (topic: string) => Promise<KafkaNode>;
  readonly records: (topic: string) => Promise<readonly FoundRecord[]>;
}

export const startProxiedKafka = async (
  brokers: 1 | 3,
  properties: Readonly<Record<string, string>> = {},
): Promise<ProxiedKafka> => {
  await using parts = new AsyncDisposableStack();
  const proxies = await Promise.all(Array.from({ length: brokers }, () => openFaultProxy()));
  const advertise = (index: number, port: number): number => {
    proxies[index]?.setTarget({ host: "127.0.0.1", port });
    return proxies[index]?.port ?? port;
  };
  const kafka = parts.use(await startKafka({ brokers, advertise, properties }));
  for (const proxy of proxies) parts.use(proxy);
  const internal = kafka.internalBootstrap.split(",");
  const client = new Kafka({ brokers: internal, logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  parts.defer(() => admin.disconnect());
  const leadersAnswer = (topic: string): Promise<boolean> =>
    admin.fetchTopicOffsets(topic).then(
      () => true,
      () => false,
    );
  const create = async (topic: string, numPartitions: number, replicationFactor = -1) => {
    await admin.createTopics({
      topics: [{ topic, numPartitions, replicationFactor }],
      waitForLeaders: false,
    });
    // A leader that has just been chosen may not know of it yet.
    await eventually(() => leadersAnswer(topic));
  };
  const deleteTopic = async (topic: string): Promise<void> => {
    await admin.deleteTopics({ topics: [topic] });
    // The controller answers before each broker has heard of it.
    await eventually(async () => !(await admin.listTopics()).includes(topic));
  };
  const kept = parts.move();
  return {
    bootstrap: kafka.bootstrap.split(","),
    internal,
    nodes: kafka.nodes,
    proxies,
    createTopic: async (partitions = 3, replicas = -1) => {
      const topic = `t-${randomBytes(4).toString("hex")}`;
      await create(topic, partitions, replicas);
      return topic;
    },
    setLimit: async (name, bytes) => {
      const configEntries = [{ name: "max.message.bytes", value: `${bytes}` }];
      const resources = [{ type: ConfigResourceTypes.TOPIC, name, configEntries }];
      await admin.alterConfigs({ validateOnly: false, resources });
    },
    deleteTopic,
    addPartitions: async (topic, count) =>
      void (await admin.createPartitions({ topicPartitions: [{ topic, count }] })),
    recreateTopic: async (topic, partitions) => {
      await deleteTopic(topic);
      await create(topic, partitions);
    },
    leaderOf: async (topic) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const leader = topics[0]?.partitions[0]?.leader;
      const node = kafka.nodes.find(({ id }) => id === leader);
      if (node === undefined) throw new Error(`${topic} has no leader`);
      return node;
    },
    records: (topic) => recordsIn(internal, [topic]),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
};

export interface CountedSink extends KafkaSink {
  /** Why connections were given up, in order. */
  readonly reconnects: readonly string[];
}

export const openSinkOn = (
  brokers: readonly string[],
  settings: Partial<KafkaSettings> = {},
): CountedSink => {
  const reconnects: string[] = [];
  const sink = openKafkaSink({
    kafka: { brokers, clientId: "sink-test", tls: null, sasl: null, ...settings },
    log: pino({ level: "silent" }),
    telemetry: {
      kafkaConnected: () => {},
      kafkaNotConnected: () => {},
      kafkaReconnected: (reason) => void reconnects.push(reason),
    },
  });
  return { ...sink, reconnects };
};

export const recordOf = (topic: string, key: string | null, id: string): KafkaRecord => ({
  topic,
  key,
  value: Buffer.from(id),
  headers: { ce_id: id },
  timestamp: Date.now(),
});
