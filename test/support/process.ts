import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import packageJson from "../../package.json" with { type: "json" };
import { settingNames } from "../../src/config.ts";
import { type Metrics, parseMetrics } from "./metrics.ts";

export type LogLine = Readonly<Record<string, unknown>>;

/** What a process wrote, as far as it has come. */
export type Output = {
  /** Standard output, line by line; a line that is no JSON stands under `text`. */
  readonly lines: readonly LogLine[];
  /** Standard error. */
  readonly errors: readonly string[];
};

export type BridgeProcess = Output & {
  readonly port: number;
  readonly adminPort: number;
  readonly pid: number;
  /** Sends it and waits for nothing. */
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Resolves when the process is gone; a signal's end counts as code null. */
  readonly end: (signal: NodeJS.Signals) => Promise<number | null>;
  /** Resolves with the exit code when the process is gone, for whatever reason. */
  readonly exited: Promise<number | null>;
  readonly metrics: () => Promise<Metrics>;
  readonly ready: () => Promise<{ readonly status: number; readonly body: unknown }>;
};

const root = join(import.meta.dirname, "..", "..");

const toLine = (text: string): LogLine => {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null ? { ...line } : { text };
  } catch {
    return { text };
  }
};

const exit = async (child: ChildProcess): Promise<number | null> => {
  // `close` and not `exit`: what it wrote last has then arrived too.
  await once(child, "close");
  return child.exitCode;
};

/** No setting comes from the surroundings; every port is a free one. */
const environmentOf = (env: Record<string, string>): Record<string, string | undefined> => {
  const around = Object.entries(process.env).filter(([name]) => !settingNames.some((ours) => ours === name));
  const ports = { HOST: "127.0.0.1", PORT: "0", ADMIN_HOST: "127.0.0.1", ADMIN_PORT: "0" };
  return { ...Object.fromEntries(around), ...ports, ...env };
};

/** Those of `npm start`. */
const shippedFlags = packageJson.scripts.start.split(" ").filter((word) => word.startsWith("--"));

const launch = (env: Record<string, string>, from = root) => {
  const child = spawn(process.execPath, [...shippedFlags, join(from, "src", "main.ts")], {
    cwd: from,
    env: environmentOf(env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: LogLine[] = [];
  const errors: string[] = [];
  const stdout = createInterface({ input: child.stdout });
  stdout.on("line", (text) => lines.push(toLine(text)));
  createInterface({ input: child.stderr }).on("line", (text) => errors.push(text));
  return { child, stdout, lines, errors, exited: exit(child) };
};

const listeningPorts = (line: LogLine): { port: number; adminPort: number } | null =>
  typeof line["callbacks"] === "number" && typeof line["admin"] === "number"
    ? { port: line["callbacks"], adminPort: line["admin"] }
    : null;

/** All that a process wrote, for the message of a failed test. */
export const textOf = ({ lines, errors }: Output): string =>
  [...lines.map((line) => JSON.stringify(line)), ...errors].join("\n");

/**
 * A bridge in a process of its own, on free ports, of this folder or of another. Rejects with its log when it does not come
 * to listen.
 */
export const startBridgeProcess = async (
  env: Record<string, string>,
  from?: string,
): Promise<BridgeProcess> => {
  const { child, stdout, lines, errors, exited } = launch(env, from);
  const { promise: listening, resolve } = Promise.withResolvers<{ port: number; adminPort: number }>();
  stdout.on("line", () => {
    const ports = listeningPorts(lines.at(-1) ?? {});
    if (ports !== null) resolve(ports);
  });
  const ports = await Promise.race([listening, exited.then(() => null)]);
  if (ports === null) throw new Error(`the bridge did not start:\n${textOf({ lines, errors })}`);
  const admin = `http://127.0.0.1:${ports.adminPort}`;
  return {
    ...ports,
    lines,
    errors,
    pid: child.pid ?? 0,
    exited,
    signal: (signal) => void child.kill(signal),
    end: (signal) => {
      child.kill(signal);
      return exited;
    },
    metrics: async () => parseMetrics(await (await fetch(`${admin}/metrics`)).text()),
    ready: async () => {
      const answer = await fetch(`${admin}/ready`);
      return { status: answer.status, body: await answer.json() };
    },
  };
};

export type EndedProcess = Output & { readonly code: number | null };

/** A bridge that is expected to end by itself, or by a signal at its first line. */
export const runBridgeProcess = async (
  env: Record<string, string>,
  signal?: NodeJS.Signals,
): Promise<EndedProcess> => {
  const { child, stdout, lines, errors, exited } = launch(env);
  if (signal !== undefined) stdout.once("line", () => child.kill(signal));
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const code = await exited;
  clearTimeout(late);
  return { code, lines, errors };
};
