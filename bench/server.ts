import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import packageJson from "../package.json" with { type: "json" };
import { openTemporaryFolder } from "../local/temporary-folder.ts";
import { type Command, tiedToParent } from "../local/run.ts";
import { type CandidateName, candidates, secret } from "./candidates.ts";
import { sendOnce } from "./load/connection.ts";
import { figuresOf, type ProcessFigures } from "./load/process-figures.ts";
import { createRequests } from "./load/requests.ts";
import type { Place } from "./place.ts";

/** A candidate that runs and listens. */
export type Server = AsyncDisposable & {
  readonly port: number;
  readonly adminPort: number;
  readonly pid: number;
  readonly figures: () => ProcessFigures;
  /** Resolves when the process is gone. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
};

export type ServerOptions = {
  /** They win over the candidate's own settings. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
};

const readyWithinMs = 60_000;
const endedWithinMs = 30_000;

const isListening = (line: unknown): line is { callbacks: number; admin: number } =>
  typeof line === "object" && line !== null && "callbacks" in line && "admin" in line;

const environment = (name: CandidateName, place: Place, env: ServerOptions["env"]) => ({
  PATH: process.env["PATH"] ?? "",
  KAFKAJS_NO_PARTITIONER_WARNING: "1",
  HOST: "127.0.0.1",
  PORT: "0",
  ADMIN_HOST: "127.0.0.1",
  ADMIN_PORT: "0",
  AUTH: "hmac",
  HMAC_KEYS: `bench:${secret}`,
  BENCH_SECRET: secret,
  KAFKA_BROKERS: place.brokers,
  SCHEMA_REGISTRY_URL: place.registryUrl,
  // The same topics in every round: only the first one pays for making them.
  TOPIC_PREFIX: `${place.prefix}${name}.`,
  SHUTDOWN_TIMEOUT_MS: "5000",
  ...candidates[name].env,
  ...env,
});

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (hasEnded(child)) return;
  const exited = once(child, "exit");
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), endedWithinMs);
  await exited.finally(() => clearTimeout(late));
};

/** Those of `npm start`, for every candidate. */
const shippedFlags = packageJson.scripts.start.split(" ").filter((word) => word.startsWith("--"));

/** The process alone; it may not listen yet. */
export const spawnServer = (name: CandidateName, place: Place, options: ServerOptions = {}): ChildProcess => {
  const node: Command = [
    process.execPath,
    // kafkajs gives cause for it on every start.
    "--disable-warning=TimeoutNegativeWarning",
    ...shippedFlags,
    ...(options.nodeArguments ?? []),
    candidates[name].program,
  ];
  const [program, ...rest] = tiedToParent(place.onServerCore(node), process.env);
  return spawn(program, rest, {
    env: environment(name, place, options.env),
    stdio: ["ignore", "pipe", "inherit"],
  });
};

/** Its log goes on being read, so that it never waits for us. */
const untilListening = async (child: ChildProcess): Promise<{ callbacks: number; admin: number }> => {
  if (child.stdout === null) throw new Error("the server's output is not piped");
  const lines: string[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    lines.push(text);
    const line: unknown = JSON.parse(text);
    if (!isListening(line)) continue;
    child.stdout.resume();
    return line;
  }
  throw new Error(`the server did not start:\n${lines.join("\n")}`);
};

const untilAnswered = async (port: number, withinMs: number): Promise<void> => {
  const requests = createRequests({ port, secret, bodyBytes: 1024 });
  const deadline = performance.now() + withinMs;
  for (let status = 0; status !== 200;) {
    if (performance.now() > deadline) throw new Error(`no 200 within ${withinMs / 1000} s, but ${status}`);
    status = await sendOnce(port, requests.next());
    if (status !== 200) await pause(20);
  }
};

/** A server that has answered its first callback with 200: whatever it must connect to is connected, or known to be gone. */
export const startServer = async (
  name: CandidateName,
  place: Place,
  options: ServerOptions = {},
): Promise<Server> => {
  await using stack = new AsyncDisposableStack();
  const folder = candidates[name].onDisk
    ? stack.use(await openTemporaryFolder(join(place.directory, "bench-journal-")))
    : null;
  const env = { ...(folder === null ? {} : { JOURNAL_DIR: folder.path }), ...options.env };
  const child = spawnServer(name, place, { ...options, env });
  stack.defer(() => end(child, "SIGKILL"));
  const { callbacks: port, admin: adminPort } = await untilListening(child);
  await untilAnswered(port, readyWithinMs);
  const { pid } = child;
  if (pid === undefined) throw new Error("the server has no process");
  const kept = stack.move();
  return {
    port,
    adminPort,
    pid,
    figures: () => figuresOf(pid),
    end: (signal) => end(child, signal),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
};
