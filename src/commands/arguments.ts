import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { deadLetterTopic, eventNames, topicOf } from "../core/catalog.ts";
import { formats } from "../core/setting-formats.ts";

const commandNames = ["status", "list", "verify", "export", "skip"] as const;
export type CommandName = (typeof commandNames)[number];

export type Options = {
  readonly directory: string;
  readonly prefix: string;
  /** Of the keys of an encrypted journal; null when none is named. */
  readonly keyFile: string | null;
  /** The keys themselves, where the environment holds them. */
  readonly keyText: string | null;
  readonly json: boolean;
  readonly all: boolean;
  readonly raw: boolean;
  readonly limit: number;
  readonly topic: string | null;
  readonly out: string | null;
  /** What `skip` is about; empty for the others. */
  readonly record: string;
};

export type Environment = Readonly<Record<string, string | undefined>>;

export type Arguments =
  | { readonly kind: "help" }
  | { readonly kind: "command"; readonly name: CommandName; readonly options: Options }
  | { readonly kind: "wrong"; readonly why: string; readonly example: string };

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const common = { dir: text, "key-file": text, json: flag, help: { type: "boolean", short: "h" } } as const;

const optionsOf: Record<CommandName, ParseArgsOptionsConfig> = {
  status: common,
  list: { ...common, limit: text, topic: text },
  verify: common,
  export: { ...common, all: flag, raw: flag, topic: text, out: text },
  skip: { ...common, out: text },
};

const examples: Record<CommandName, string> = {
  status: "journal status --json",
  list: "journal list --limit 20 --topic esign.envelope.finished",
  verify: "journal verify --dir /backup/journal",
  export: "journal export --raw --out pending.jsonl",
  skip: "journal skip main:1234 --out skipped-1234.jsonl",
};

const isCommand = (name: string): name is CommandName => commandNames.some((known) => known === name);

export type Values = { readonly [name: string]: unknown };

export const parse = (args: readonly string[], options: ParseArgsOptionsConfig) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // Node adds advice on positionals that start with a dash, which none of ours does.
    return error.message.split(". ")[0] ?? "";
  }
};

export const textIn = (values: Values, name: string): string | null => {
  const value = values[name];
  return typeof value === "string" ? value : null;
};

/** Set to nothing counts as not set. */
const settingIn = (env: Environment, name: string): string | null => {
  const value = env[name];
  return value === undefined || value.trim() === "" ? null : value;
};

const knownTopics = (prefix: string): readonly string[] => [
  ...eventNames.map((name) => topicOf(name, prefix)),
  prefix + deadLetterTopic,
];

const isPlace = (record: string): boolean => /^[\w.-]+:\d{1,15}$/.test(record);
const isEventId = (record: string): boolean => /^[0-9a-f]{32}$/.test(record);

const faultOfSkip = ({ record, out }: Options): string | null => {
  if (record === "") return "skip needs one record: its place or its event id, as journal list shows them";
  if (!isPlace(record) && !isEventId(record))
    return `${JSON.stringify(record)} is neither a place (main:1234) nor an event id (32 hex digits)`;
  return out === null ? "skip needs --out FILE: the record goes into that file, never into nothing" : null;
};

const faultOf = (name: CommandName, options: Options): string | null => {
  const { directory, prefix, topic, limit } = options;
  if (directory === "none")
    return "JOURNAL_DIR is none: that journal is in the memory of the bridge, and no file holds it";
  if (directory === "" || options.out === "") return "a path is empty";
  if ("wrong" in formats.topicPrefix.parse(prefix)) return "TOPIC_PREFIX is no prefix of a topic";
  if (topic !== null && !knownTopics(prefix).includes(topic))
    return `no record goes to ${JSON.stringify(topic)}: one of ${knownTopics(prefix).join(", ")}`;
  if (!(limit >= 1)) return "--limit takes a whole number from 1 on";
  return name === "skip" ? faultOfSkip(options) : null;
};

const limitOf = (limit: string | null): number => {
  if (limit === null) return Infinity;
  return /^\d{1,15}$/.test(limit) ? Number(limit) : Number.NaN;
};

const toOptions = (values: Values, record: string, env: Environment): Options => ({
  directory: textIn(values, "dir") ?? settingIn(env, "JOURNAL_DIR") ?? "./data/journal",
  prefix: settingIn(env, "TOPIC_PREFIX") ?? "esign.",
  keyFile: textIn(values, "key-file") ?? settingIn(env, "JOURNAL_KEY_FILE"),
  keyText: settingIn(env, "JOURNAL_KEY"),
  json: values["json"] === true,
  all: values["all"] === true,
  raw: values["raw"] === true,
  limit: limitOf(textIn(values, "limit")),
  topic: textIn(values, "topic"),
  out: textIn(values, "out"),
  record,
});

const readCommand = (name: CommandName, args: readonly string[], env: Environment): Arguments => {
  const example = examples[name];
  const parsed = parse(args, optionsOf[name]);
  if (typeof parsed === "string") return { kind: "wrong", why: parsed, example };
  if (parsed.values["help"] === true) return { kind: "help" };
  const [record = "", ...more] = parsed.positionals;
  const surplus = name === "skip" ? more[0] : parsed.positionals[0];
  if (surplus !== undefined)
    return { kind: "wrong", why: `${JSON.stringify(surplus)} is one argument too many`, example };
  const options = toOptions(parsed.values, record, env);
  const why = faultOf(name, options);
  return why === null ? { kind: "command", name, options } : { kind: "wrong", why, example };
};

/** What stands behind the program's name. */
export const readArguments = (args: readonly string[], env: Environment): Arguments => {
  const [family, name = "help", ...rest] = args;
  const example = examples.status;
  if (family === "help" || family === "--help" || family === "-h") return { kind: "help" };
  if (family !== "journal")
    return {
      kind: "wrong",
      why: `there is no command ${JSON.stringify(family)}, only journal and capture`,
      example,
    };
  if (name === "help" || name === "--help" || name === "-h") return { kind: "help" };
  if (isCommand(name)) return readCommand(name, rest, env);
  const why = `there is no journal ${JSON.stringify(name)}: one of ${commandNames.join(", ")}, help`;
  return { kind: "wrong", why, example };
};
