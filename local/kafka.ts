import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installKafka, type KafkaJava, type Rehearsal } from "./kafka-installation.ts";
import { brokersSeenBy } from "./kafka-probe.ts";
import { brokerProperties, type BrokerExtras, type BrokerPlace } from "./kafka-properties.ts";
import { poll } from "./poll.ts";
import { freePorts } from "./ports.ts";
import { lastLines, run } from "./run.ts";
import { createServer, type Server } from "./server.ts";
import { thisMachine, type Surroundings } from "./surroundings.ts";
import { openTemporaryFolder } from "./temporary-folder.ts";

const formedWithinMs = 60_000;

/**
 * Listeners and lines of server.properties are for every broker. Clients come through the listener CLIENT unless told of
 * another, so TLS and SASL are set with `listener.security.protocol.map` or `listeners`, and `listener.name.….…`.
 */
export interface KafkaOptions extends BrokerExtras {
  readonly brokers?: 1 | 3;
  /** Further arguments of `StorageTool format`, such as `--add-scram`. */
  readonly formatArguments?: readonly string[];
  /** Later options win, so these undo the frugal ones, for a measurement say. */
  readonly javaOptions?: readonly string[];
  /** The port that clients are told instead of the real one: that of a proxy. Called once, before the brokers start. */
  readonly advertise?: (brokerIndex: number, realPort: number) => number | Promise<number>;
}

export interface KafkaNode extends Server {
  readonly id: number;
  /** Where clients reach it without a proxy. */
  readonly port: number;
  /** The ports of the further listeners, by name. */
  readonly listenerPorts: Readonly<Record<string, number>>;
}

export interface LocalKafka extends AsyncDisposable {
  /** What clients are given: the advertised ports. */
  readonly bootstrap: string;
  /** Past proxy, TLS, SASL and ACLs: the listener that the brokers use among themselves. */
  readonly internalBootstrap: string;
  readonly nodes: readonly KafkaNode[];
}

/** A real Kafka on loopback ports, with data in a temporary folder. Ready when every broker is in the cluster. */
export async function startKafka(
  options: KafkaOptions = {},
  around: Surroundings = thisMachine(),
): Promise<LocalKafka> {
  const java = await installKafka(around, rehearsal(around));
  return startBrokers(options, { java, around });
}

/** Rejects only when all are over, so that nothing still runs in a folder that is about to be removed. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(works);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

interface Means {
  readonly java: KafkaJava;
  readonly around: Surroundings;
}

function rehearsal(around: Surroundings): Rehearsal {
  return async (java, javaOptions) => {
    await using kafka = await startBrokers({ javaOptions }, { java, around });
    await Promise.all(kafka.nodes.map((node) => node.stop()));
  };
}

async function startBrokers(options: KafkaOptions, means: Means): Promise<LocalKafka> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.use(await openTemporaryFolder(join(tmpdir(), "esign-kafka-")));
  const places = await choosePlaces(options, folder.path);
  const cluster = { places, id: randomBytes(16).toString("base64url") };
  await allOf(places.map((place) => format(place, { ...means, options, cluster })));
  const nodes = places.map((place) => createNode(place, { ...means, options }));
  parts.defer(async () => void (await Promise.all(nodes.map((node) => node.kill()))));
  await allOf(nodes.map((node) => node.start()));
  await formed(places);
  const kept = parts.move();
  return {
    bootstrap: places.map(({ ports }) => `127.0.0.1:${ports.advertised}`).join(","),
    internalBootstrap: places.map(internalAddress).join(","),
    nodes,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function choosePlaces(options: KafkaOptions, folder: string): Promise<BrokerPlace[]> {
  const ids = options.brokers === 3 ? [1, 2, 3] : [1];
  const names = Object.keys(options.listeners ?? {});
  const each = 3 + names.length;
  const ports = await freePorts(ids.length * each);
  return Promise.all(
    ids.map(async (id, index) => {
      const [client = 0, internal = 0, controller = 0, ...others] = ports.slice(index * each);
      const advertised = (await options.advertise?.(index, client)) ?? client;
      const further = Object.fromEntries(names.map((name, at) => [name, others[at] ?? 0]));
      return {
        id,
        folder: join(folder, `${id}`),
        ports: { client, advertised, internal, controller, further },
      };
    }),
  );
}

interface Setting extends Means {
  readonly options: KafkaOptions;
  readonly cluster: { readonly id: string; readonly places: readonly BrokerPlace[] };
}

async function format(place: BrokerPlace, { java, around, options, cluster }: Setting): Promise<void> {
  await mkdir(place.folder, { recursive: true });
  await writeFile(propertiesOf(place), brokerProperties(place, cluster.places, options));
  await writeFile(loggingOf(place), logging);
  // As one argument: an id may begin with a dash.
  const clusterId = `--cluster-id=${cluster.id}`;
  const main = ["kafka.tools.StorageTool", "format", clusterId, "-c", propertiesOf(place)];
  const { ended, output } = await run(java([], [...main, ...(options.formatArguments ?? [])]), around.env);
  if (ended !== 0) throw new Error(`kafka: formatting ended with ${ended}:\n${lastLines(output, 15)}`);
}

function createNode(
  place: BrokerPlace,
  { java, around, options }: Means & { options: KafkaOptions },
): KafkaNode {
  const javaOptions = [`-Dlog4j2.configurationFile=${loggingOf(place)}`, ...(options.javaOptions ?? [])];
  const server = createServer({
    name: `kafka ${place.id}`,
    command: java(javaOptions, ["kafka.Kafka", propertiesOf(place)]),
    env: around.env,
    logFile: join(place.folder, "server.log"),
    port: place.ports.client,
    probe: async () => {
      const seen = await brokersSeenBy(internalAddress(place));
      if (!seen.includes(place.id)) throw new Error("the broker is not in the cluster yet");
    },
  });
  const { signal, kill, start, stop } = server;
  return {
    id: place.id,
    port: place.ports.client,
    listenerPorts: place.ports.further,
    get pid() {
      return server.pid;
    },
    signal,
    kill,
    start,
    stop,
  };
}

/** A broker serves as soon as it is in the cluster itself; the others may follow a moment later. */
async function formed(places: readonly BrokerPlace[]): Promise<void> {
  const attempt = async (): Promise<void> => {
    const views = await Promise.all(places.map((place) => brokersSeenBy(internalAddress(place))));
    if (views.some((seen) => seen.length < places.length))
      throw new Error("not all brokers see each other yet");
  };
  const failure = await poll({ attempt, withinMs: formedWithinMs, pointless: new Promise(() => undefined) });
  if (failure !== undefined) throw new Error("kafka: the cluster has not formed", { cause: failure });
}

function internalAddress({ ports }: BrokerPlace): string {
  return `127.0.0.1:${ports.internal}`;
}

function propertiesOf({ folder }: BrokerPlace): string {
  return join(folder, "server.properties");
}

function loggingOf({ folder }: BrokerPlace): string {
  return join(folder, "log4j2.properties");
}

const logging = `rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
`;
