import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  type PrometheusContentType,
  Registry,
} from "prom-client";

/** Seconds. The last bucket below +Inf is the sender's limit of 5 s. */
const replyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 3.5, 4, 5];
/** Seconds. A record can wait for hours in an outage. */
const publishBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600, 21600];

/** Seconds. */
const syncBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export const prefix = "esign_bridge_";

/** All that a thread has counted, as it can be sent to another one. */
export type Figures = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

export const sumOf = (threads: readonly Figures[]): Registry =>
  AggregatorRegistry.aggregate<PrometheusContentType>([...threads]);

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
  // Milliseconds between two looks at the event loop. At 10, the default, they are what a bridge at rest does most.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  return {
    registry,
    received: counter("callbacks_received_total", "Callbacks whose sender was admitted.", ["source"]),
    acknowledged: counter(
      "callbacks_acknowledged_total",
      "Callbacks answered 200, and what made that safe.",
      ["event", "after"],
    ),
    refused: counter("callbacks_refused_total", "Requests answered with anything but 200.", ["reason"]),
    connectionsRefused: counter("connections_refused_total", "Connections closed without an answer.", [
      "reason",
    ]),
    connectionsOpen: gauge("connections_open", "Connections for callbacks, idle ones too.", []),
    secretsStale: gauge("secrets_stale", "1 while a changed file is unusable and its old value in use.", []),
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
    journalSync: histogram("journal_sync_seconds", "One sync of the disk, for all that waited for it.", [
      [],
      syncBuckets,
    ]),
    journalFailures: counter("journal_failures_total", "Steps of the journal on disk that failed.", [
      "reason",
    ]),
    journalDamaged: counter("journal_damaged_total", "Unreadable places found in the journal on disk.", []),
    laneParked: gauge("lane_parked", "1 while a topic cannot be written and its records wait apart.", [
      "topic",
    ]),
    kafkaConnected: gauge("kafka_connected", "1 while the producer is connected.", []),
    reconnects: counter("kafka_reconnects_total", "Producers dropped and connected anew.", ["reason"]),
    registryFailures: counter("registry_failures_total", "Failed calls to the schema registry.", ["reason"]),
    buildInfo: new Gauge({
      name: `${prefix}build_info`,
      help: "1, with the version that runs.",
      labelNames: ["version"],
      registers,
      // Not the number of threads.
      aggregator: "max",
    }),
  };
};
