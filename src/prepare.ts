import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { backOffMs } from "./core/back-off.ts";
import { catalog, deadLetterTopic, eventNames, topicOf } from "./core/catalog.ts";
import { failures } from "./core/result.ts";
import { startingWith } from "./io/kafka/client.ts";
import { prepareTopics, type TopicReport } from "./io/kafka/topics.ts";
import type { Telemetry } from "./telemetry.ts";

/** Room for the headers of a record beside its body. */
const recordOverheadBytes = 64 * 1024;

/** Ends at once, without an error, when the signal is aborted. */
export const pause = async (attempt: number, signal: AbortSignal): Promise<void> => {
  await delay(backOffMs(attempt, Math.random()), undefined, { signal }).catch(() => undefined);
};

/** About a millisecond. */
export const linger = (): Promise<void> => delay(1);

export type Preparation = {
  readonly config: Config;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  readonly closing: AbortSignal;
};

/** Every topic of the catalog, under the prefix. */
export const topicsOf = ({ topics: { prefix } }: Config) => ({
  events: eventNames.map((event) => ({ topic: topicOf(event, prefix), schema: catalog[event].schema })),
  deadLetter: prefix + deadLetterTopic,
});

const reportTopics = ({ log }: Preparation, report: TopicReport): void => {
  const { created, missing, singleCopy, settingsHidden, deadLetterLimit } = report;
  if (created.length > 0) log.info({ topics: created }, "created topics");
  if (missing.length > 0) {
    log.error(
      { topics: missing },
      "topics are missing, or hidden from the bridge's user: create them, or set TOPICS=create, or allow DESCRIBE; their records wait meanwhile",
    );
  }
  if (singleCopy.length > 0) {
    log.warn(
      { topics: singleCopy },
      "acks=all means one copy in these topics: give them 3 replicas and min.insync.replicas=2",
    );
  }
  if (settingsHidden) {
    log.info(
      "the bridge's user may not see the topics' settings: min.insync.replicas and max.message.bytes are not checked; DESCRIBE_CONFIGS would allow it. For topics that are to be created set TOPIC_REPLICATION, else min.insync.replicas stays the broker's default",
    );
  }
  if (deadLetterLimit !== null) {
    log.warn(
      { deadLetterLimit },
      "max.message.bytes of the dead-letter topic is below BODY_LIMIT_BYTES: raise it",
    );
  }
};

/** Creates or checks the topics, as soon as Kafka can be reached. */
export const prepareKafka = async (parts: Preparation): Promise<void> => {
  const { config, log, telemetry, closing } = parts;
  const { events, deadLetter } = topicsOf(config);
  const rules = {
    ...config.topics,
    topics: [...events.map(({ topic }) => topic), deadLetter],
    deadLetterTopic: deadLetter,
    deadLetterBytes: config.bodyLimitBytes + recordOverheadBytes,
  };
  for (let attempt = 0; !closing.aborted; attempt += 1) {
    const report = await prepareTopics(startingWith(config.kafka, attempt), log, rules);
    if (report.ok) return reportTopics(parts, report.value);
    const { code, detail } = report;
    if (failures[code].handling !== "retry") {
      log.error(
        { reason: code, detail },
        "topics cannot be created or checked: create them, set TOPICS=verify, or mend what the detail says",
      );
      return;
    }
    telemetry.topicsNotPrepared(report);
    await pause(attempt, closing);
  }
};
