import avro from "avsc";
import type { Logger } from "pino";
import packageJson from "../package.json" with { type: "json" };
import { createAccept } from "./accept.ts";
import { type CallbackPort, openPort } from "./callback-port.ts";
import type { Config } from "./config.ts";
import { type SchemaName, subjectOf } from "./core/catalog.ts";
import { createRecordEncoder } from "./core/record.ts";
import type { Repeats } from "./core/repeats.ts";
import { type Failure, ok, type Result } from "./core/result.ts";
import type { Sink } from "./core/sink.ts";
import { openAdmin } from "./io/admin.ts";
import { checkCertificates } from "./io/ingress/server.ts";
import { type KafkaSink, openKafkaSink } from "./io/kafka/sink.ts";
import { createRegistry } from "./io/registry.ts";
import { type Journals, openJournals } from "./journals.ts";
import { linger, pause, type Preparation, prepareKafka, topicsOf } from "./prepare.ts";
import { recallRepeats } from "./recall.ts";
import { type Relay, type RelayOptions, startRelay } from "./relay/relay.ts";
import { createLiveSettings, type LiveSettings, type Source, startRenewal } from "./renewal.ts";
import { askForSchemaIds, recallSchemaIds, type SchemaIds, schemaTexts } from "./schemas.ts";
import { createTelemetry } from "./telemetry.ts";
import { openWorkers } from "./workers/workers.ts";

export type Bridge = {
  readonly port: number;
  readonly adminPort: number;
  /** Resolves when the start cannot succeed without an operator; the bridge must then be closed. */
  readonly failed: Promise<Failure>;
  /** Reads secrets and certificates again from their files; what is bad is told, and the old ones stay. */
  readonly renew: () => Promise<void>;
  /** Answers what is in flight, publishes what it can within the timeout, and lets go of everything. */
  readonly close: () => Promise<void>;
};

const toType = (name: SchemaName): avro.Type => avro.Type.forSchema(JSON.parse(schemaTexts[name]));

/** Opens its sink at the first record: in health there is no second connection. */
const lazySink = (open: () => Sink): Sink => {
  let sink: Sink | null = null;
  return {
    send: (records) => (sink ??= open()).send(records),
    [Symbol.asyncDispose]: async () => sink?.[Symbol.asyncDispose](),
  };
};

type Parts = Preparation & {
  readonly live: LiveSettings;
  readonly journals: Journals;
  readonly sink: KafkaSink;
  readonly laneSink: Sink;
  readonly fail: (failure: Failure) => void;
  /** Null until callbacks are listened for. */
  callbacks: CallbackPort | null;
  /** Null until topics are checked and schema ids are had. */
  relay: Relay | null;
};

const relayOptions = (parts: Parts, ids: SchemaIds, repeats: Repeats): RelayOptions => {
  const { config, journals, sink, laneSink, telemetry } = parts;
  const topicPrefix = config.topics.prefix;
  const subjects = new Map(topicsOf(config).events.map(({ topic }) => [topic, subjectOf(topic)]));
  const encode = createRecordEncoder({
    topicPrefix,
    sensitive: config.sensitiveFields,
    types: {
      "envelope-event": toType("envelope-event"),
      "template-fill-result": toType("template-fill-result"),
      "unrecognized-event": toType("unrecognized-event"),
    },
    schemaIdOf: (topic) => ids.get(subjects.get(topic) ?? ""),
  });
  const { main: journal, openLane: openLaneJournal, parkedTopics } = journals;
  const lanes = { laneSink, openLaneJournal, parkedTopics };
  return { journal, sink, ...lanes, encode, repeats, topicPrefix, telemetry, clock: Date.now, pause, linger };
};

/** A call to a server that does not answer lasts for seconds, and nobody waits for it at the end. */
const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** Topics and schema ids first, whatever order the outside world allows; then the relay begins. */
const publish = async (parts: Parts): Promise<void> => {
  await using registry = createRegistry(parts.live.registry);
  const ids = await recallSchemaIds(parts);
  const asked = askForSchemaIds(parts, registry, ids).then((failure) => {
    // At the end calls are cut off, and what becomes of them is no word of the registry.
    if (failure !== null && !parts.closing.aborted) parts.fail(failure);
  });
  const { closing, journals, config } = parts;
  const closed = whenAborted(closing);
  const [repeats] = await Promise.all([
    recallRepeats({ ...journals, windowMs: config.dedupeWindowMs, closing }),
    Promise.race([closed, prepareKafka(parts)]),
    ids.size > 0 ? null : Promise.race([closed, asked]),
  ]);
  if (ids.size > 0 && !closing.aborted) parts.relay = startRelay(relayOptions(parts, ids, repeats));
  // The registry may still be out while records go their way under the ids of before.
  await Promise.race([closed, asked]);
};

const obstaclesOf = async (parts: Parts): Promise<readonly string[]> => {
  const ofWorkers = parts.closing.aborted ? [] : await parts.callbacks?.obstacles();
  return [...ownObstacles(parts), ...(ofWorkers ?? ["callbacks are not listened for yet"])];
};

/** In memory nothing is safe before Kafka has it: without Kafka there is nothing to be ready for. */
const ownObstacles = ({ closing, journals: { main: journal }, sink, relay }: Parts): readonly string[] => [
  ...(closing.aborted ? ["closing"] : []),
  ...[journal.status().refusal].flatMap((why) => (why === null ? [] : [`the journal takes nothing: ${why}`])),
  ...(journal.durable || sink.connected() ? [] : ["no connection to Kafka"]),
  ...(journal.durable || relay !== null ? [] : ["topics or schema ids not had yet"]),
];

const drain = async ({ relay, journals, sink, laneSink, config }: Parts): Promise<void> => {
  journals.main.close();
  const timeIsUp = AbortSignal.timeout(config.shutdownTimeoutMs);
  // A send may hang until its own deadline: closing the sink ends it.
  for (const each of [sink, laneSink])
    timeIsUp.addEventListener("abort", () => void each[Symbol.asyncDispose](), { once: true });
  await relay?.drain(timeIsUp);
};

/** New connections use what was renewed; those that are there go on. */
const watchSecrets = (parts: Parts, callbacks: CallbackPort, source: Source) => {
  const { closing: signal, telemetry, live } = parts;
  const apply = (next: Config): Result<readonly string[]> => {
    const usable = checkCertificates(next.network.tls);
    if (!usable.ok) return usable;
    const changed = live.renew(next);
    callbacks.renew(next, changed);
    return ok(changed);
  };
  return startRenewal({ source, signal, everyMs: 2000, apply, telemetry });
};

const openPorts = async (parts: Parts, stack: AsyncDisposableStack) => {
  const { config, telemetry } = parts;
  const usable = checkCertificates(config.network.tls);
  if (!usable.ok) throw unableToStart(usable);
  const { main: journal } = parts.journals;
  const admin = await openAdmin({
    host: config.adminHost,
    port: config.adminPort,
    stuck: async () => (await parts.callbacks?.obstacles()) ?? [],
    obstacles: () => obstaclesOf(parts),
    exposition: async () => {
      const others = (await parts.callbacks?.figures()) ?? [];
      return telemetry.exposition(parts.journals.status(), others);
    },
    expositionType: telemetry.contentType,
  });
  stack.defer(admin.close);
  const accept = createAccept({ ...config, journal, clock: Date.now });
  const callbacks =
    config.workers > 1
      ? await openWorkers(config, accept)
      : await openPort(config, { admit: parts.live.admit, accept, telemetry });
  parts.callbacks = callbacks;
  return { admin, callbacks };
};

const unableToStart = (failure: Failure): Error =>
  new Error(`${failure.code}: ${failure.detail}`, { cause: failure });

const tellOfStart = ({ config, log }: Parts, ports: { callbacks: number; admin: number }): void => {
  const [key] = config.journal.keys;
  if (key !== undefined) log.info({ key: key.name, id: key.id }, "the journal is encrypted");
  const workers = config.workers > 1 ? { workers: config.workers } : {};
  log.info({ ...ports, ...workers, version: packageJson.version }, "listening");
};

/** Opens what outlives the connections, listens, and connects in the background. */
export const startBridge = async (first: Config, log: Logger, source: Source): Promise<Bridge> => {
  const live = createLiveSettings(first);
  const config = { ...first, kafka: live.kafka };
  await using stack = new AsyncDisposableStack();
  const telemetry = createTelemetry(log, packageJson.version, Date.now);
  const quiet = { ...telemetry, kafkaConnected: () => {}, kafkaNotConnected: () => {} };
  const failed = Promise.withResolvers<Failure>();
  const closing = new AbortController();
  const journals = await openJournals(config, telemetry);
  if (!journals.ok) throw unableToStart(journals);
  const parts: Parts = {
    config,
    live,
    log,
    telemetry,
    closing: closing.signal,
    journals: stack.use(journals.value),
    sink: stack.use(openKafkaSink({ kafka: config.kafka, log, telemetry })),
    laneSink: stack.use(lazySink(() => openKafkaSink({ kafka: config.kafka, log, telemetry: quiet }))),
    fail: failed.resolve,
    callbacks: null,
    relay: null,
  };
  const { admin, callbacks } = await openPorts(parts, stack);
  const publishing = publish(parts);
  // In reverse: not ready, refuse what is new, answer what is in flight, publish what is left.
  stack.defer(() => publishing);
  stack.defer(() => drain(parts));
  stack.defer(callbacks.close);
  stack.defer(() => closing.abort());
  tellOfStart(parts, { callbacks: callbacks.port, admin: admin.port });
  const { renew } = watchSecrets(parts, callbacks, source);
  const opened = stack.move();
  return {
    port: callbacks.port,
    adminPort: admin.port,
    failed: failed.promise,
    renew,
    close: () => opened.disposeAsync(),
  };
};
