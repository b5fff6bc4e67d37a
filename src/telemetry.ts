import type { Logger } from "pino";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { JournalStatus } from "./core/journal.ts";
import { createLineBudget, createLineLimit } from "./core/line-limits.ts";
import {
  type DeadLetterReason,
  type Failure,
  type FailureCode,
  failures,
  type Refusal,
} from "./core/result.ts";

/** How a callback was acknowledged. */
export type AcknowledgedAfter = "published" | "stored" | "duplicate";

/** Seconds. The last bucket below +Inf is the sender's limit of 5 s. */
const replyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 3.5, 4, 5];
/** Seconds. A record can wait for hours in an outage. */
const publishBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600, 21600];

/** Seconds. */
const syncBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

const prefix = "esign_bridge_";

/** Every metric there is: the README's table and the reference are checked against it. */
export const createMetrics = () => {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `${prefix}${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge({ name: `${prefix}${name}`, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, options: [L[], number[]]) =>
    new Histogram({
      name: `${prefix}${name}`,
      help,
      labelNames: options[0],
      buckets: options[1],
      registers,
    });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    received: counter("callbacks_received_total", "Callbacks whose sender was admitted.", ["source"]),
    acknowledged: counter(
      "callbacks_acknowledged_total",
      "Callbacks answered 200, and what made that safe.",
      ["event", "after"],
    ),
    refused: counter("callbacks_refused_total", "Requests answered with anything but 200.", ["reason"]),
    replySeconds: histogram("callback_reply_seconds", "From the request's headers to its answer.", [
      ["outcome"],
      replyBuckets,
    ]),
    publishSeconds: histogram("publish_seconds", "From receipt to the broker's acknowledgement.", [
      ["event"],
      publishBuckets,
    ]),
    published: counter(
      "records_published_total",
      "Records acknowledged by all in-sync replicas, once each; in the dead-letter topic as many as dead_letters_total says.",
      ["topic"],
    ),
    repeated: counter(
      "callbacks_repeated_total",
      "Repeats by the sender of what happens once: taken, and not published again.",
      ["event"],
    ),
    retries: counter("publish_retries_total", "Records sent again, by what went wrong.", ["reason"]),
    deadLetters: counter("dead_letters_total", "Callbacks given up for their own topic.", ["reason"]),
    inFlight: gauge("callbacks_in_flight", "Requests without an answer yet.", []),
    pendingRecords: gauge("journal_pending_records", "Callbacks kept and not yet in Kafka.", []),
    oldestPending: gauge(
      "journal_oldest_pending_seconds",
      "Age of the oldest callback not yet in Kafka.",
      [],
    ),
    journalBytes: gauge("journal_bytes", "Bytes that the journal holds.", []),
    journalSync: histogram("journal_sync_seconds", "One fdatasync, for all that waited for it.", [
      [],
      syncBuckets,
    ]),
    journalFailures: counter("journal_failures_total", "Failed steps of the journal on disk.", ["reason"]),
    journalDamaged: counter("journal_damaged_total", "Unreadable places found in the journal on disk.", []),
    laneParked: gauge("lane_parked", "1 while a topic cannot be written and its records wait apart.", [
      "topic",
    ]),
    kafkaConnected: gauge("kafka_connected", "1 while the producer is connected.", []),
    reconnects: counter("kafka_reconnects_total", "Producers dropped and connected anew.", ["reason"]),
    registryFailures: counter("registry_failures_total", "Failed calls to the schema registry.", ["reason"]),
    buildInfo: gauge("build_info", "1, with the version that runs.", ["version"]),
  };
};

export type Telemetry = ReturnType<typeof createTelemetry>;

/**
 * Everything that is counted or logged again and again, as one call per thing that happened.
 * Label values are codes and names from our own tables, or names from the settings: never anything of a payload.
 */
export const createTelemetry = (log: Logger, version: string, clock: () => number) => {
  const metrics = createMetrics();
  metrics.buildInfo.set({ version }, 1);
  metrics.kafkaConnected.set(0);
  // An alert on an increase sees the first one only when there was a zero before it.
  for (const [reason, { handling }] of Object.entries(failures)) {
    if (handling === "refuse") metrics.refused.inc({ reason }, 0);
    if (handling === "dead-letter") metrics.deadLetters.inc({ reason }, 0);
  }
  let kafkaWasConnected: boolean | null = null;
  const limited = createLineLimit(clock);
  const withinBudget = createLineBudget(clock);

  return {
    callbackArrived: () => metrics.inFlight.inc(),
    callbackAnswered: (outcome: AcknowledgedAfter | "refused", seconds: number) => {
      metrics.inFlight.dec();
      metrics.replySeconds.observe({ outcome }, seconds);
    },
    callbackAdmitted: (source: string | null) => metrics.received.inc({ source: source ?? "none" }),
    callbackAcknowledged: (event: string, after: AcknowledgedAfter) =>
      metrics.acknowledged.inc({ event, after }),
    callbackRefused: (reason: Refusal) => metrics.refused.inc({ reason }),

    /** Names and shapes of a delivery, made only when its line is written. */
    deliveryCaptured: (describe: () => object) =>
      withinBudget((more) => log.info({ ...describe(), ...more }, "captured a delivery: names and shapes")),

    recordPublished: (topic: string, event: string, seconds: number) => {
      metrics.published.inc({ topic });
      metrics.publishSeconds.observe({ event }, seconds);
    },
    callbackRepeated: (event: string) => metrics.repeated.inc({ event }),
    publishRetried: (reason: FailureCode, records: number, detail: string) => {
      metrics.retries.inc({ reason }, records);
      limited(`retry ${reason}`, (more) =>
        log.warn(
          { reason, records, detail, ...more },
          "Kafka did not acknowledge records: sending them again",
        ),
      );
    },
    deadLetterPublished: (reason: DeadLetterReason, eventId: string, detail: string) => {
      metrics.deadLetters.inc({ reason });
      limited(`dead letter ${reason}`, (more) =>
        log.error(
          { reason, eventId, detail, ...more },
          "callback went to the dead-letter topic: see its record there",
        ),
      );
    },
    laneParked: (topic: string, { code, detail }: Failure) => {
      metrics.laneParked.set({ topic }, 1);
      // What a retry or a dead letter ends needs no operator yet.
      const level = failures[code].handling === "park" ? "error" : "warn";
      log[level](
        { topic, reason: code, detail },
        "topic cannot be written: its records wait apart and are tried again",
      );
    },
    laneOpened: (topic: string) => {
      metrics.laneParked.set({ topic }, 0);
      log.info({ topic }, "topic can be written again: nothing of it waits any more");
    },

    kafkaConnected: (connected: boolean, detail: string) => {
      metrics.kafkaConnected.set(connected ? 1 : 0);
      if (connected === kafkaWasConnected) return;
      kafkaWasConnected = connected;
      if (connected) log.info("connected to Kafka");
      else log.warn({ detail }, "no connection to Kafka: trying again until there is one");
    },
    kafkaReconnected: (reason: FailureCode) => metrics.reconnects.inc({ reason }),
    registryFailed: (reason: FailureCode, detail: string) => {
      metrics.registryFailures.inc({ reason });
      limited(`registry ${reason}`, (more) =>
        log.warn(
          { reason, detail, ...more },
          "no schema ids from the registry: trying again until there are",
        ),
      );
    },
    schemaIdChanged: (subject: string, before: number, now: number) => {
      metrics.registryFailures.inc({ reason: "schema-id-changed" });
      log.error(
        { subject, before, now },
        "the registry has given this schema another id: was it built anew? Records published since the start carry the old one",
      );
    },

    journalSynced: (seconds: number) => metrics.journalSync.observe(seconds),
    journalFailed: (step: string, code: string) => {
      metrics.journalFailures.inc({ reason: step });
      limited(`journal ${step}`, (more) =>
        log.error(
          { step, code, ...more },
          "the disk failed the journal: look at its space and health; trying again",
        ),
      );
    },
    journalRecovered: () => log.info("the journal can write again"),
    journalDamaged: (damage: {
      directory: string;
      file: string;
      at: number;
      bytes: number;
      kind: "torn" | "damage";
    }) => {
      if (damage.kind === "damage") metrics.journalDamaged.inc();
      // A torn tail is what a power cut leaves, and was never acknowledged.
      log[damage.kind === "torn" ? "warn" : "error"](
        damage,
        "unreadable bytes in the journal: kept in damaged/",
      );
    },
    journalMissing: (records: number, directory: string) => {
      metrics.journalDamaged.inc();
      log.error({ records, directory }, "callbacks are missing from the journal: a file is gone or damaged");
    },
    journalCursorLost: (directory: string) =>
      log.warn({ directory }, "the journal's cursor cannot be read: what is retained is published again"),

    /** The text of `/metrics`; gauges of the journal are read now, so that an idle bridge tells the true age too. */
    exposition: (journal: JournalStatus) => {
      const { pendingRecords, oldestPendingAt, bytes } = journal;
      metrics.pendingRecords.set(pendingRecords);
      metrics.oldestPending.set(oldestPendingAt === null ? 0 : Math.max(0, clock() - oldestPendingAt) / 1000);
      metrics.journalBytes.set(bytes);
      return metrics.registry.metrics();
    },
    contentType: metrics.registry.contentType,
  };
};
