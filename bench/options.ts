import { parseArgs } from "node:util";
import { type CandidateName, candidateNames } from "./candidates.ts";

export const commands = [
  "compare",
  "memory",
  "cold-start",
  "outage",
  "backlog",
  "duplicates",
  "growth",
  "idle",
  "workers",
  "slow-broker",
  "all",
  "profile",
] as const;
export type Command = (typeof commands)[number];

export type Options = {
  readonly command: Command;
  readonly rounds: number;
  /** Of the closed loop, and of the open one. */
  readonly seconds: number;
  readonly latencySeconds: number;
  readonly warmUpSeconds: number;
  readonly rate: number;
  readonly connections: number;
  readonly bodyBytes: number;
  readonly only: readonly CandidateName[];
  /** Callbacks of the backlog. */
  readonly count: number;
  /** Null: the system's folder for temporary files, unless that is in memory. */
  readonly directory: string | null;
  /** Folder of `results.json` and `results.svg`, or of a profile. */
  readonly out: string;
  /** Cores of their own for the server and for everything else. */
  readonly pin: boolean;
};

const usage = `npm run bench -- [${commands.join(" | ")}] [options]

  --rounds 7            of each candidate, alternating
  --seconds 3           flat out, in each round
  --latency-seconds 4   at a steady rate, in each round; memory: at least 60
  --warm-up 15          seconds flat out at each start, every two rounds: the compiler needs them
  --rate 200            callbacks a second of the steady rate
  --connections 64      that are kept busy flat out
  --body-bytes 1024     of a callback
  --only a,b            of ${candidateNames.join(", ")}
  --count 1000000       callbacks in the backlog
  --directory DIR       where journals go; it must be on a disk
  --out DIR             where results.json and results.svg go
  --no-pin              leave the choice of cores to the system`;

const positive = (name: string, text: string): number => {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0, not ${text}`);
  return value;
};

const isOneOf = <T extends string>(names: readonly T[], text: string): text is T =>
  names.some((name) => name === text);

const oneOf = <T extends string>(what: string, names: readonly T[], text: string): T => {
  if (isOneOf(names, text)) return text;
  throw new Error(`${what} must be one of ${names.join(", ")}, not ${text}`);
};

const text = (value: string) => ({ type: "string", default: value }) as const;

/** Throws an error whose message is for the user. */
export const readOptions = (args: readonly string[]): Options => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      rounds: text("7"),
      seconds: text("3"),
      "latency-seconds": text("4"),
      "warm-up": text("15"),
      rate: text("200"),
      connections: text("64"),
      "body-bytes": text("1024"),
      only: text(candidateNames.join(",")),
      count: text("1000000"),
      directory: { type: "string" },
      out: text(import.meta.dirname),
      pin: { type: "boolean", default: true },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) throw new Error(usage);
  return {
    command: oneOf("the measurement", commands, positionals[0] ?? "compare"),
    rounds: positive("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    latencySeconds: positive("latency-seconds", values["latency-seconds"]),
    warmUpSeconds: positive("warm-up", values["warm-up"]),
    rate: positive("rate", values.rate),
    connections: positive("connections", values.connections),
    bodyBytes: positive("body-bytes", values["body-bytes"]),
    only: values.only.split(",").map((name) => oneOf("--only", candidateNames, name)),
    count: positive("count", values.count),
    directory: values.directory ?? null,
    out: values.out,
    pin: values.pin,
  };
};
