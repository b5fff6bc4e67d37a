import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { statfs } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { mkdir } from "node:fs/promises";
import { startKafka } from "../local/kafka.ts";
import { startRegistry } from "../local/registry.ts";
import type { Command } from "../local/run.ts";
import { thisMachine } from "../local/surroundings.ts";
import type { Options } from "./options.ts";

/** Where servers are measured: what stands around them, and on which core they run. */
export type Place = AsyncDisposable & {
  readonly brokers: string;
  readonly registryUrl: string;
  /** False when they were there already. */
  readonly stackStarted: boolean;
  /** Begins the names of all topics of this run. */
  readonly prefix: string;
  /** On a disk, for journals. */
  readonly directory: string;
  /** One line on the cores, for the results. */
  readonly cores: string;
  readonly onServerCore: (command: Command) => Command;
};

/** Undo the frugal ones of the tests: a measurement wants a broker with its best compiler and room. */
const javaOptions = ["-Xms1g", "-Xmx1g", "-XX:TieredStopAtLevel=4"];
/** tmpfs and ramfs. */
const inMemory = new Set([0x01021994, 0x858458f6]);

const diskFolder = async (wanted: string | null): Promise<string> => {
  const folder = wanted ?? tmpdir();
  const { type } = await statfs(folder);
  if (!inMemory.has(type)) return folder;
  if (wanted !== null) throw new Error("--directory is in memory: a journal there would be too fast");
  const besides = join(import.meta.dirname, "..", "data");
  await mkdir(besides, { recursive: true });
  return besides;
};

/** One for each of two workers and the main thread, one for the load and one for the broker. */
export const coresForWorkers = 5;

type Pinning = Pick<Place, "cores" | "onServerCore">;

const unpinned = (cores: string): Pinning => ({ cores, onServerCore: (command) => command });

const range = (first: number, last: number): string => (first === last ? `${first}` : `${first}-${last}`);

/** Of the server, where there are as many beside those for load and broker: one, or one for each of its threads. */
const serverCoresOf = ({ command }: Options, count: number): number =>
  command === "workers" && count >= coresForWorkers ? coresForWorkers - 2 : 1;

/** Moves this process, and so all that it starts, to the other cores; servers are then put on the first ones. */
const pinCores = (options: Options): Pinning => {
  const count = cpus().length;
  if (!options.pin) return unpinned("cores chosen by the system (--no-pin)");
  if (count < 2) return unpinned("one core for everything");
  const works = spawnSync("taskset", ["-c", "0", "true"]).status === 0;
  if (!works) return unpinned("cores chosen by the system, since taskset does not work here");
  const serverCores = serverCoresOf(options, count);
  const [first, others] = [range(0, serverCores - 1), range(serverCores, count - 1)];
  execFileSync("taskset", ["-a", "-p", "-c", others, String(process.pid)]);
  return {
    cores: `server on core ${first}; load, broker and registry on core ${others}`,
    onServerCore: (command) => ["taskset", "-c", first, ...command],
  };
};

/** The broker and the registry that KAFKA_BROKERS and SCHEMA_REGISTRY_URL name, or new ones. */
export const openPlace = async (options: Options): Promise<Place> => {
  await using stack = new AsyncDisposableStack();
  const pinning = pinCores(options);
  const directory = await diskFolder(options.directory);
  const around = thisMachine();
  const { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl } = around.env;
  const base = { ...pinning, directory, prefix: `bench-${randomBytes(4).toString("hex")}.` };
  if (brokers && registryUrl) {
    return { ...base, brokers, registryUrl, stackStarted: false, [Symbol.asyncDispose]: async () => {} };
  }
  const kafka = stack.use(await startKafka({ javaOptions }, around));
  const registry = stack.use(await startRegistry({}, around));
  const kept = stack.move();
  return {
    ...base,
    brokers: kafka.bootstrap,
    registryUrl: registry.url,
    stackStarted: true,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
};
