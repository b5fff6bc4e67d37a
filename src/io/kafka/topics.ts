import { setTimeout as pause } from "node:timers/promises";
import kafkajs, { type Admin, type ConfigResourceTypes, type ITopicConfig } from "kafkajs";
import type { Logger } from "pino";
import { ok, type Result } from "../../core/result.ts";
import type { SinkFailure } from "../../core/sink.ts";
import { callDeadlineMs, createClient, type KafkaSettings } from "./client.ts";
import { withDeadline } from "./deadline.ts";
import { toConnectFailure, toSinkFailure } from "./failure.ts";

export type TopicRules = {
  /** `create` makes what is missing; `verify` only looks. */
  readonly mode: "create" | "verify";
  readonly topics: readonly string[];
  /** One of the topics: holds bodies as they came. */
  readonly deadLetterTopic: string;
  /** Largest record that the dead-letter topic must take, in bytes. */
  readonly deadLetterBytes: number;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replication: number;
};

export type TopicReport = {
  readonly created: readonly string[];
  readonly missing: readonly string[];
  /** acks=all means one copy there: one replica, or `min.insync.replicas` of 1. */
  readonly singleCopy: readonly string[];
  /** The user may publish and not look at the topics' settings: what depends on them was not checked. */
  readonly settingsHidden: boolean;
  /** The dead-letter topic's own limit, when it is too small for the largest body. */
  readonly deadLetterLimit: number | null;
};

type Configs = ReadonlyMap<string, ReadonlyMap<string, string>>;

const forbidden: readonly SinkFailure[] = ["credentials-refused", "topic-unauthorized"];

/** Null: the user may not see them, which is common where another team owns the cluster. */
export const configsOf = async (
  admin: Admin,
  type: ConfigResourceTypes,
  names: readonly string[],
): Promise<Configs | null> => {
  const resources = names.map((name) => ({ type, name }));
  try {
    const described = await admin.describeConfigs({ resources, includeSynonyms: false });
    return new Map(
      described.resources.map(({ resourceName, configEntries }) => [
        resourceName,
        new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
  } catch (error) {
    if (forbidden.includes(toSinkFailure(error).code)) return null;
    throw error;
  }
};

const defaultReplication = async (admin: Admin): Promise<number> => {
  const { controller, brokers } = await admin.describeCluster();
  const name = String(controller ?? brokers[0]?.nodeId ?? 0);
  const configs = await configsOf(admin, kafkajs.ConfigResourceTypes.BROKER, [name]);
  return Number(configs?.get(name)?.get("default.replication.factor") ?? 1);
};

const toTopicConfig = (topic: string, rules: TopicRules, replicas: number): ITopicConfig => ({
  topic,
  numPartitions: rules.partitions,
  replicationFactor: rules.replication,
  configEntries: [
    // With three replicas the default of 1 would let acks=all mean one copy.
    ...(replicas >= 3 ? [{ name: "min.insync.replicas", value: "2" }] : []),
    // A callback that is too large for its own topic must still find room here.
    ...(topic === rules.deadLetterTopic
      ? [{ name: "max.message.bytes", value: String(rules.deadLetterBytes) }]
      : []),
  ],
});

const createMissing = async (admin: Admin, rules: TopicRules, missing: readonly string[]): Promise<void> => {
  if (missing.length === 0) return;
  const replicas = rules.replication === -1 ? await defaultReplication(admin) : rules.replication;
  await admin.createTopics({
    topics: missing.map((topic) => toTopicConfig(topic, rules, replicas)),
    waitForLeaders: true,
    timeout: 5000,
  });
  for (const topic of missing) await awaitLeader(admin, topic);
};

/** Each of so many milliseconds. */
const leaderTries = 20;
const leaderPauseMs = 50;

/**
 * A leader that has just been chosen may refuse its first records for a moment, and what others take of the same batch would
 * come again. Not answered in time, it is no fault yet: if it lasts, it shows at the first record.
 */
const awaitLeader = async (admin: Admin, topic: string): Promise<void> => {
  for (let tries = 0; tries < leaderTries; tries += 1) {
    const answers = await admin.fetchTopicOffsets(topic).then(
      () => true,
      () => false,
    );
    if (answers) return;
    await pause(leaderPauseMs);
  }
};

const inspect = async (admin: Admin, rules: TopicRules, present: readonly string[]) => {
  if (present.length === 0) return { singleCopy: [], settingsHidden: false, deadLetterLimit: null };
  const [metadata, configs] = await Promise.all([
    admin.fetchTopicMetadata({ topics: [...present] }),
    configsOf(admin, kafkajs.ConfigResourceTypes.TOPIC, present),
  ]);
  const inSyncOf = (topic: string): number =>
    configs === null ? Infinity : Number(configs.get(topic)?.get("min.insync.replicas") ?? 1);
  const singleCopy = metadata.topics
    .filter(({ name, partitions }) => {
      const replicas = Math.min(...partitions.map((partition) => partition.replicas.length));
      return replicas < 2 || inSyncOf(name) < 2;
    })
    .map(({ name }) => name);
  const limit = Number(
    configs?.get(rules.deadLetterTopic)?.get("max.message.bytes") ?? rules.deadLetterBytes,
  );
  return {
    singleCopy,
    settingsHidden: configs === null,
    deadLetterLimit: limit < rules.deadLetterBytes ? limit : null,
  };
};

const prepare = async (admin: Admin, rules: TopicRules): Promise<TopicReport> => {
  await admin.connect();
  const existing = new Set(await admin.listTopics());
  const absent = rules.topics.filter((topic) => !existing.has(topic));
  const created = rules.mode === "create" ? absent : [];
  await createMissing(admin, rules, created);
  const missing = rules.mode === "create" ? [] : absent;
  const present = rules.topics.filter((topic) => !missing.includes(topic));
  return { created, missing, ...(await inspect(admin, rules, present)) };
};

/** Creates or checks the topics once. The caller tries again after a failure that a retry can mend. */
export const prepareTopics = async (
  kafka: KafkaSettings,
  log: Logger,
  rules: TopicRules,
): Promise<Result<TopicReport, SinkFailure>> => {
  const client = createClient(kafka, log, () => {});
  try {
    const prepared = prepare(client.kafka.admin(), rules);
    return ok(await withDeadline(prepared, { what: "preparing topics", ms: callDeadlineMs }));
  } catch (error) {
    return toConnectFailure(error, kafka);
  } finally {
    client.destroy();
  }
};
