import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { eventually } from "../eventually.ts";
import { type BridgeProcess, startBridgeProcess, textOf } from "../process.ts";
import { hmacSettings } from "../sender.ts";
import { freshPrefix, sharedStack } from "../stack.ts";
import { bodyLimitBytes } from "./bodies.ts";
import { createTally, fuzz, type FuzzOptions, type Tally } from "./run.ts";
import { idsInJournal, idsInTopics } from "./stored.ts";

// One bridge as it is shipped, with its journal on disk and a real Kafka, and everything that may come to its port.

export type SessionOptions = Omit<FuzzOptions, "port">;

export type Session = {
  readonly tally: Tally;
  readonly seconds: number;
  /** Seconds of the longest time in which nobody was answered. */
  readonly stall: number;
  /** Bytes on the heap and beside it after a collection: when a tenth was sent, and at the end. Null: too few to tell. */
  readonly memory: { readonly before: number; readonly after: number } | null;
  readonly inJournal: number;
  readonly inTopics: number;
  /** Faults, one line each; empty when all held. */
  readonly findings: readonly string[];
};

/** Requests after which memory is what it stays: code is compiled, buffers have grown. */
const warmUp = 20_000;
/** What may be there besides: the ids of the repeat window, by each callback that was kept. */
const slackBytes = 24 * 1024 * 1024;
const bytesForId = 250;

const open = (directory: string, prefix: string): Promise<BridgeProcess> => {
  const { brokers, registryUrl } = sharedStack();
  return startBridgeProcess({
    ...hmacSettings,
    BODY_LIMIT_BYTES: `${bodyLimitBytes}`,
    JOURNAL_DIR: directory,
    KAFKA_BROKERS: brokers.join(","),
    SCHEMA_REGISTRY_URL: registryUrl,
    TOPIC_PREFIX: prefix,
    NODE_OPTIONS: `--expose-gc --import=${new URL("collect.ts", import.meta.url).href}`,
  });
};

const bytesOf = (line: Readonly<Record<string, unknown>>): number | null => {
  const { memory } = line;
  if (typeof memory !== "object" || memory === null || !("heapUsed" in memory && "external" in memory))
    return null;
  return Number(memory.heapUsed) + Number(memory.external);
};

/** Seconds. The longest that the bridge may answer nobody, whatever one body asks of it. */
const longestStall = 1.5;

/** The longest since the metrics were last read. */
const stallOf = async (bridge: BridgeProcess): Promise<number> => {
  const { samples } = await bridge.metrics();
  return samples.find(({ name }) => name === "nodejs_eventloop_lag_max_seconds")?.value ?? 0;
};

/** Nothing under way, nothing that waits for Kafka, no connection: then what is left on the heap. */
const memoryAtRest = async (bridge: BridgeProcess): Promise<number> => {
  await eventually(
    async () => {
      const { sum } = await bridge.metrics();
      const [inFlight, pending] = [sum("callbacks_in_flight"), sum("journal_pending_records")];
      if (inFlight + pending > 0) throw new Error(`${inFlight} are in flight, ${pending} pending`);
    },
    { withinMs: 60_000 },
  );
  const told = bridge.lines.length;
  bridge.signal("SIGUSR2");
  return eventually(() => {
    const [bytes] = bridge.lines.slice(told).flatMap((line) => bytesOf(line) ?? []);
    if (bytes === undefined) throw new Error("the bridge has not told its memory");
    return bytes;
  });
};

const missingFrom = (known: ReadonlySet<string>, ids: ReadonlySet<string>): readonly string[] =>
  [...ids].filter((id) => !known.has(id));

const few = (ids: readonly string[]): string => `${ids.length}, such as ${ids.slice(0, 5).join(" ")}`;

/** P5, P1: what is kept was signed, and what was acknowledged is in Kafka. */
const findingsInStores = (
  { signed, acknowledged }: Tally,
  stores: Readonly<Record<"journal" | "topics", ReadonlySet<string>>>,
): readonly string[] => {
  const lost = missingFrom(stores.topics, acknowledged);
  return [
    ...Object.entries(stores).flatMap(([name, ids]) => {
      const strange = missingFrom(signed, ids);
      return strange.length === 0 ? [] : [`P5: bodies in the ${name} that nobody signed: ${few(strange)}`];
    }),
    ...(lost.length === 0 ? [] : [`P1: acknowledged, and in no topic: ${few(lost)}`]),
  ];
};

type Measured = Pick<Session, "memory" | "seconds" | "stall">;

const findingsInMeasures = ({
  memory,
  stall,
  inTopics,
}: Measured & Pick<Session, "inTopics">): readonly string[] => {
  const stalls = stall <= longestStall ? [] : [`P2: nobody was answered for ${stall.toFixed(1)} s`];
  if (memory === null) return stalls;
  const grown = memory.after - memory.before - inTopics * bytesForId;
  return grown <= slackBytes ? stalls : [...stalls, `P9: ${grown} bytes more than before are held at rest`];
};

/** A bridge that ended, that wrote of a bug, or that does not end as it should. */
const findingsAtEnd = async (bridge: BridgeProcess, { underWay }: Tally): Promise<readonly string[]> => {
  const code = await bridge.end("SIGTERM");
  const fatal = bridge.lines.filter(({ level }) => level === 60);
  const text = [...fatal.map((line) => JSON.stringify(line)), ...bridge.errors].join("\n");
  const at = underWay.size === 0 ? "" : `; under way: ${[...underWay].join(" ")}`;
  return code === 0 && text === "" ? [] : [`the bridge ended with ${code}${at}\n${text}`];
};

const load = async (bridge: BridgeProcess, options: SessionOptions, tally: Tally): Promise<Measured> => {
  const begun = performance.now();
  let gone = false;
  let stall = 0;
  void bridge.exited.then(() => (gone = true));
  const run = async (from: number, isOver: (requests: number) => boolean): Promise<number> => {
    const own = monitorEventLoopDelay();
    own.enable();
    const next = await fuzz(
      { ...options, port: bridge.port, from, isOver: (sent) => gone || isOver(sent) },
      tally,
    );
    own.disable();
    // What holds up the whole machine, this process too, is no fault of the bridge.
    if (!gone) stall = Math.max(stall, (await stallOf(bridge)) - own.max / 1e9);
    return next;
  };
  const next = await run(options.from, (sent) => sent >= warmUp || options.isOver(sent));
  const isLong = !gone && !options.isOver(tally.requests);
  const before = isLong ? await memoryAtRest(bridge) : 0;
  if (isLong) await run(next, options.isOver);
  const seconds = (performance.now() - begun) / 1000;
  return { seconds, stall, memory: isLong && !gone ? { before, after: await memoryAtRest(bridge) } : null };
};

export const runSession = async (options: SessionOptions): Promise<Session> => {
  const folder = await mkdtemp(join(tmpdir(), "fuzz-"));
  const [directory, prefix] = [join(folder, "journal"), freshPrefix()];
  const bridge = await open(directory, prefix);
  try {
    await eventually(async () => (await bridge.metrics()).sum("kafka_connected") === 1, { withinMs: 30_000 });
    const tally = createTally();
    const measured = await load(bridge, options, tally);
    const atEnd = await findingsAtEnd(bridge, tally);
    const journal = await idsInJournal(directory);
    const topics = await idsInTopics(sharedStack().brokers, prefix);
    const findings = [
      ...tally.findings,
      ...atEnd,
      ...findingsInStores(tally, { journal, topics }),
      ...findingsInMeasures({ ...measured, inTopics: topics.size }),
    ];
    return { ...measured, tally, inJournal: journal.size, inTopics: topics.size, findings };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new Error(`${said}\n${textOf(bridge)}`, { cause: error });
  } finally {
    await bridge.end("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
};
