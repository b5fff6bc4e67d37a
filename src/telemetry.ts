import type { Logger } from "pino";
import type { Acknowledgement } from "./core/acknowledgement.ts";
import { type JournalStatus, type JournalStep, journalSteps } from "./core/journal.ts";
import { createLineBudget } from "./core/line-budget.ts";
import { createLineLimit } from "./core/line-limit.ts";
import {
  type DeadLetterReason,
  type Failure,
  type FailureCode,
  failures,
  type HangUp,
  needsOperator,
  type Refusal,
} from "./core/result.ts";
import { createMetrics, type Figures, prefix, sumOf } from "./metrics.ts";

/** Such requests are mostly noise of the internet, unless a first one is the sender's, with the wrong address. */
const strays: ReadonlySet<number> = new Set([400, 404, 405, 431]);

/** Begins the kinds of lines that a connection makes stale. */
const kafkaTrouble = "kafka";
const levelOf = (reason: FailureCode) => (needsOperator(reason) ? "error" : "warn");

export type Telemetry = ReturnType<typeof createTelemetry>;

/**
 * Everything that is counted or logged again and again, as one call per thing that happened.
 * Label values are codes and names from our own tables, or names from the settings: never anything of a payload.
 */
export const createTelemetry = (log: Logger, version: string, clock: () => number) => {
  const metrics = createMetrics();
  const figuresOf = () => metrics.registry.getMetricsAsJSON();
  metrics.buildInfo.set({ version }, 1);
  metrics.kafkaConnected.set(0);
  // An alert on an increase sees the first one only when there was a zero before it.
  for (const [reason, { handling }] of Object.entries(failures)) {
    if (handling === "hang-up") metrics.connectionsRefused.inc({ reason }, 0);
    if (handling === "refuse") metrics.refused.inc({ reason }, 0);
    if (handling === "dead-letter") metrics.deadLetters.inc({ reason }, 0);
  }
  for (const reason of Object.keys(journalSteps)) metrics.journalFailures.inc({ reason }, 0);
  let kafkaIsConnected = false;
  const limited = createLineLimit(clock);
  const withinBudget = createLineBudget(clock);
  /** The producer and what prepares the topics find the same fault: it is told once. */
  const tellKafkaTrouble = ({ code: reason, detail }: Failure, message: string) =>
    limited.line(`${kafkaTrouble} ${reason}`, (more) =>
      log[levelOf(reason)]({ reason, detail, ...more }, message),
    );

  return {
    callbackArrived: () => metrics.inFlight.inc(),
    callbackAnswered: (outcome: Acknowledgement["after"] | "refused", seconds: number) => {
      metrics.inFlight.dec();
      metrics.replySeconds.observe({ outcome }, seconds);
    },
    callbackAdmitted: (source: string | null) => metrics.received.inc({ source: source ?? "none" }),
    callbackAcknowledged: (event: string, after: Acknowledgement["after"]) =>
      metrics.acknowledged.inc({ event, after }),
    /** `from` is asked only for a line. */
    callbackRefused: (reason: Refusal, from: () => string) => {
      metrics.refused.inc({ reason });
      if (reason === "closing") return;
      const { status } = failures[reason];
      limited.line(`refused ${reason}`, (more) =>
        strays.has(status)
          ? log.info({ reason, status, from: from(), ...more }, "requests that are no callbacks are refused")
          : log.warn(
              { reason, status, from: from(), ...more },
              "callbacks are refused: the sender tries again for hours",
            ),
      );
    },
    connectionOpened: () => metrics.connectionsOpen.inc(),
    connectionClosed: () => metrics.connectionsOpen.dec(),
    connectionRefused: (reason: HangUp, from: string | undefined, detail?: string) => {
      metrics.connectionsRefused.inc({ reason });
      limited.line(`connection ${reason}`, (more) =>
        log.warn({ reason, from, detail, ...more }, "connections are closed without an answer"),
      );
    },
    secretsRenewed: (changed: readonly string[], warnings: readonly string[]) => {
      metrics.secretsStale.set(0);
      for (const warning of warnings) log.warn(warning);
      log.info(
        { changed },
        changed.length === 0 ? "secrets read again: none has changed" : "secrets renewed",
      );
    },
    secretsRefused: (problems: readonly string[]) => {
      metrics.secretsStale.set(1);
      log.error({ problems }, "changed files are unusable: the old secrets and certificates stay in use");
    },

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
      limited.line(`retry ${reason}`, (more) =>
        log.warn(
          { reason, records, detail, ...more },
          "Kafka did not acknowledge records: sending them again",
        ),
      );
    },
    deadLetterPublished: (reason: DeadLetterReason, eventId: string, detail: string) => {
      metrics.deadLetters.inc({ reason });
      limited.line(`dead letter ${reason}`, (more) =>
        log.error(
          { reason, eventId, detail, ...more },
          "callback went to the dead-letter topic: see its record there",
        ),
      );
    },
    deadLetterRefused: (reason: FailureCode, eventId: string, detail: string) =>
      limited.line(`refused dead letter ${reason}`, (more) =>
        log.error(
          { reason, eventId, detail, ...more },
          "the dead-letter topic does not take a callback, which waits apart: raise max.message.bytes of the topic, or take it out with journal skip",
        ),
      ),
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

    laneUnopened: (topic: string, { code, detail }: Failure) => {
      metrics.journalFailures.inc({ reason: "open" });
      limited.line(`lane ${topic}`, (more) =>
        log.error(
          { topic, reason: code, detail, ...more },
          "the journal of a parked topic cannot be opened: its callbacks are held back until it can",
        ),
      );
    },

    kafkaConnected: () => {
      metrics.kafkaConnected.set(1);
      if (kafkaIsConnected) return;
      kafkaIsConnected = true;
      limited.forget(kafkaTrouble);
      log.info("connected to Kafka");
    },
    kafkaNotConnected: (failure: Failure) => {
      metrics.kafkaConnected.set(0);
      kafkaIsConnected = false;
      tellKafkaTrouble(failure, "no connection to Kafka: trying again until there is one");
    },
    topicsNotPrepared: (failure: Failure) =>
      tellKafkaTrouble(failure, "topics not created or checked yet: trying again"),
    kafkaReconnected: (reason: FailureCode) => metrics.reconnects.inc({ reason }),
    registryFailed: (reason: FailureCode, detail: string) => {
      metrics.registryFailures.inc({ reason });
      limited.line(`registry ${reason}`, (more) =>
        log[levelOf(reason)](
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
    journalFailed: (step: JournalStep, code: string) => {
      metrics.journalFailures.inc({ reason: step });
      limited.line(`journal ${step}`, (more) =>
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
      // A torn tail is what a power cut leaves, and was never acknowledged for being stored.
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
      log.warn(
        { directory },
        "the journal's cursor cannot be read: what is retained whole is published again",
      ),

    /**
     * The text of `/metrics`; gauges of the journal are read now, so that an idle bridge tells the true age too. `others`:
     * what other threads have counted.
     */
    exposition: async (journal: JournalStatus, others: readonly Figures[] = []) => {
      const { pendingRecords, oldestPendingAt, bytes } = journal;
      metrics.pendingRecords.set(pendingRecords);
      metrics.oldestPending.set(oldestPendingAt === null ? 0 : Math.max(0, clock() - oldestPendingAt) / 1000);
      metrics.journalBytes.set(bytes);
      return others.length === 0
        ? metrics.registry.metrics()
        : sumOf([await figuresOf(), ...others]).metrics();
    },
    /** For the exposition of another thread: of ours alone, since Node's are the same for all or mean one thread. */
    figures: async (): Promise<Figures> => (await figuresOf()).filter(({ name }) => name.startsWith(prefix)),
    contentType: metrics.registry.contentType,
  };
};
