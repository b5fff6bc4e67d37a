import { globSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { globalSetup, globalTeardown } from "../support/servers.ts";

// `npm run disasters -- [--rounds N] [--only TEXT]`: one line for each disaster, and the total as the last line.

const usage =
  "npm run disasters -- [--rounds N] [--only TEXT]   N kills in each kill test (50), files whose name has TEXT";

const optionsOf = (): { rounds: number; only: string } => {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "50" }, only: { type: "string", default: "" } },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds} is no whole number above 0`);
  return { rounds, only: values.only };
};

const filesWith = (text: string): string[] => {
  const folder = import.meta.dirname;
  const files = globSync("*.test.ts", { cwd: folder }).filter((file) => file.includes(text));
  if (files.length === 0) throw new Error(`--only ${text} names no file in ${folder}`);
  return files.toSorted().map((file) => join(folder, file));
};

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Of one file: what hangs fails. */
const longestFileMs = 1_800_000;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(0)} s`.padStart(6);

const runAll = async (files: string[]): Promise<boolean> => {
  const total = { passed: 0, failed: 0 };
  const begunAt = performance.now();
  // One at a time: each wants the machine for itself.
  const execArgv = ["--import", join(import.meta.dirname, "../support/leftovers.ts")];
  const stream = run({ files, concurrency: false, execArgv, timeout: longestFileMs });
  stream.on("test:pass", ({ name, details, nesting }) => {
    if (nesting > 0 || details.type === "suite") return;
    total.passed += 1;
    say(`ok   ${seconds(details.duration_ms)}  ${name}`);
  });
  stream.on("test:fail", ({ name, details, nesting }) => {
    if (nesting > 0 || details.type === "suite") return;
    total.failed += 1;
    say(`FAIL ${seconds(details.duration_ms)}  ${name}\n${String(details.error.cause ?? details.error)}`);
  });
  stream.on("test:diagnostic", ({ message, nesting }) => {
    if (nesting > 0) say(`              ${message}`);
  });
  stream.on("test:stderr", ({ message }) => void process.stderr.write(message));
  stream.resume();
  await new Promise((resolve) => stream.once("end", resolve));
  say(`all disasters took ${seconds(performance.now() - begunAt).trim()}`);
  say(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 && total.passed > 0;
};

// kafkajs gives Node cause for one on every start.
process.removeAllListeners("warning");

try {
  const { rounds, only } = optionsOf();
  process.env["DISASTER_ROUNDS"] = `${rounds}`;
  const files = filesWith(only);
  await globalSetup();
  const passed = await runAll(files);
  await globalTeardown();
  process.exitCode = passed ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
  process.exitCode = 2;
}
