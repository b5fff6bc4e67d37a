import { readFileSync } from "node:fs";
import { envSchema, type EnvSchemaOpt } from "env-schema";
import { type Static, Type } from "typebox";
import {
  exampleOf,
  explain,
  type FormatName,
  formatOf,
  formats,
  secretFormats,
} from "./core/setting-formats.ts";
import { type Parsed, shortSecrets, valueOf } from "./core/setting-formats.ts";
import { contradictions, doubtful, mistyped } from "./core/setting-rules.ts";

const integer = (value: number, [minimum, maximum]: readonly [number, number], description: string) =>
  Type.Integer({ default: value, minimum, maximum, description });
/** The first choice is the default. */
const choice = <const T extends string[]>(values: readonly [...T], description: string) =>
  Type.Enum(values, { default: values[0], description });
const written = (format: FormatName, value: string, description: string) =>
  Type.String({ format, default: value, description });
const required = (format: FormatName, description: string) => Type.String({ format, description });
const optional = (format: FormatName, description: string) =>
  Type.Optional(Type.String({ format, description }));

/** Every setting there is, once: checks, defaults, types and the reference follow from it. */
export const ConfigSchema = Type.Object(
  {
    HOST: written("host", "0.0.0.0", "Address on which callbacks are received."),
    PORT: integer(8080, [0, 65_535], "Port for callbacks; 0 takes any free one."),
    ADMIN_HOST: written("host", "0.0.0.0", "Address of `/live`, `/ready` and `/metrics`."),
    ADMIN_PORT: integer(8081, [0, 65_535], "Port of `/live`, `/ready` and `/metrics`; 0 takes any free one."),
    CALLBACK_PATH: written("path", "/callback", "Path that eSignGlobal calls."),
    AUTH: required("auth", "Who may call: `hmac`, `token`, both with a comma (both must pass), or `none`."),
    HMAC_KEYS: optional("secrets", "Live signature keys, as `name:secret` with commas; all are tried."),
    HMAC_SCHEME: choice(["tsign"], "How eSignGlobal signs."),
    HMAC_MAX_AGE_MS: integer(
      0,
      [0, 2 ** 40],
      "Oldest signature taken; 0: any. Below 17141000 loses retries.",
    ),
    TOKENS: optional(
      "tokens",
      "Live tokens, as `name:token` with commas: Bearer, `?token=` or end of the path.",
    ),
    BODY_LIMIT_BYTES: written("size", "1 MiB", "Largest body; what is larger gets 413."),
    MAX_IN_FLIGHT: integer(10_000, [1, 1_000_000], "Callbacks that may wait at once; one more gets 503."),
    REPLY_DEADLINE_MS: integer(3500, [100, 4500], "Longest wait for an answer; the sender waits 5000."),
    ACK_AFTER: choice(["published", "stored"], "When 200 is given: Kafka has it, or the disk has it."),
    JOURNAL_DIR: written("text", "./data/journal", "Folder of the journal; `none` keeps it in memory."),
    JOURNAL_MAX_BYTES: written(
      "size",
      "10 GiB",
      "Most that the journal may hold; beyond it callers get 503.",
    ),
    DEDUPE_WINDOW: written("duration", "6h", "How long a repeated callback is recognised; 0 turns it off."),
    KAFKA_BROKERS: required("brokers", "Brokers to start from, as `host:port` with commas."),
    KAFKA_CLIENT_ID: written("clientId", "esign-kafka-bridge", "Name under which brokers know the bridge."),
    KAFKA_TLS: Type.Boolean({ default: false, description: "Whether brokers are reached over TLS." }),
    KAFKA_TLS_CA_FILE: optional("pem", "PEM file of the authority that signed the brokers' certificates."),
    KAFKA_TLS_CERT_FILE: optional("pem", "PEM file of the bridge's own certificate."),
    KAFKA_TLS_KEY_FILE: optional("pem", "PEM file of the key to that certificate."),
    KAFKA_SASL_MECHANISM: choice(
      ["none", "plain", "scram-sha-256", "scram-sha-512"],
      "How the bridge logs in to the brokers.",
    ),
    KAFKA_SASL_USERNAME: optional("text", "User for the brokers."),
    KAFKA_SASL_PASSWORD: optional("secret", "Password for the brokers."),
    SCHEMA_REGISTRY_URL: required("registryUrl", "Address of the schema registry; it may have a path."),
    SCHEMA_REGISTRY_USERNAME: optional("text", "User for the registry."),
    SCHEMA_REGISTRY_PASSWORD: optional("secret", "Password for the registry."),
    SCHEMA_REGISTRY_TOKEN: optional("secret", "Bearer token for the registry, instead of user and password."),
    SCHEMA_REGISTRY_CA_FILE: optional("pem", "PEM file of the authority behind the registry's certificate."),
    SCHEMAS: choice(["register", "lookup"], "Whether schemas are registered at start or only looked up."),
    TOPICS: choice(["create", "verify"], "Whether missing topics are created at start or only reported."),
    TOPIC_PREFIX: written("topicPrefix", "esign.", "Begins the name of every topic."),
    TOPIC_PARTITIONS: integer(3, [1, 10_000], "Partitions of topics that the bridge creates."),
    TOPIC_REPLICATION: integer(-1, [-1, 32_767], "Replicas of those topics; -1 is the broker's default."),
    SENSITIVE_FIELDS: choice(["mask", "publish"], "Whether access codes and download links are masked."),
    SHUTDOWN_TIMEOUT_MS: integer(20_000, [0, 3_600_000], "Longest wait at shutdown until all is published."),
    LOG_LEVEL: choice(
      ["info", "fatal", "error", "warn", "debug", "trace", "silent"],
      "Least level that is logged.",
    ),
  },
  { additionalProperties: false },
);

type Raw = Static<typeof ConfigSchema>;
export type SettingName = keyof Raw;

const { properties } = ConfigSchema;
export const settingNames: readonly SettingName[] = Object.keys(properties).filter(
  (name): name is SettingName => name in properties,
);
const isSecret = (name: SettingName): boolean => secretFormats.includes(formatOf(properties[name]));
const isPem = (name: SettingName): boolean => formatOf(properties[name]) === "pem";
/** Each can also be given as `NAME_FILE`, whose value is a path. */
export const secretNames: readonly SettingName[] = settingNames.filter(isSecret);

export type Environment = Readonly<Record<string, string | undefined>>;

type Texts = Partial<Record<SettingName, string>>;
type Tls = { readonly ca?: string; readonly cert?: string; readonly key?: string };

const fileText = (setting: string, path: string): Parsed<string> => {
  try {
    const content = readFileSync(path, "utf8").replace(/[\r\n]+$/, "");
    return content === "" ? { wrong: `${setting} names an empty file: ${path}` } : { value: content };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { wrong: `${setting} names a file that cannot be read: ${path}: ${reason}` };
  }
};

/** A variable that is set to nothing counts as not set, as compose files and charts leave them. */
const given = (env: Environment, name: string): string | undefined =>
  env[name]?.trim() === "" ? undefined : env[name];

/** The text of a setting, from its variable or its file; what is wrong with the file goes to `problems`. */
const textOf = (name: SettingName, env: Environment, problems: string[]): string | undefined => {
  const variable = isSecret(name) ? `${name}_FILE` : name;
  const path = isSecret(name) || isPem(name) ? given(env, variable) : undefined;
  if (path === undefined) return given(env, name);
  if (isSecret(name) && given(env, name) !== undefined)
    problems.push(`${name} and ${variable} are both set: unset one`);
  const parsed = fileText(variable, path);
  if ("value" in parsed) return parsed.value;
  problems.push(parsed.wrong);
  // Told once is enough: with an example in its place no rule reports it as missing.
  return isPem(name) ? "-----BEGIN " : exampleOf(properties[name]);
};

/** What env-schema found; anything else that it throws is a bug. */
const faultyNames = (error: unknown): ReadonlySet<string> => {
  if (!(error instanceof Error && "errors" in error && Array.isArray(error.errors))) throw error;
  const found: readonly { instancePath: string; params: { missingProperty?: string } }[] = error.errors;
  return new Set(found.map((fault) => fault.params.missingProperty ?? fault.instancePath.slice(1)));
};

const ajv: EnvSchemaOpt["ajv"] = {
  customOptions: (instance) => {
    for (const [name, { parse }] of Object.entries(formats))
      instance.addFormat(name, (value: string) => "value" in parse(value));
    return instance;
  },
};
const checked = (texts: Texts): { readonly raw: Raw } | { readonly problems: string[] } => {
  try {
    return { raw: envSchema<Raw>({ schema: ConfigSchema, data: { ...texts }, env: false, ajv }) };
  } catch (error) {
    const faulty = faultyNames(error);
    const told = settingNames.filter((name) => faulty.has(name));
    return {
      problems: told.map((name) =>
        explain({ name, secret: isSecret(name), rule: properties[name] }, texts[name]),
      ),
    };
  }
};

const kafkaOf = (raw: Raw) => {
  const { KAFKA_TLS_CA_FILE: ca, KAFKA_TLS_CERT_FILE: cert, KAFKA_TLS_KEY_FILE: key } = raw;
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username = "" } = raw;
  const tls: Tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  return {
    brokers: valueOf(formats.brokers.parse(raw.KAFKA_BROKERS)),
    clientId: raw.KAFKA_CLIENT_ID,
    /** The texts of the files. */
    tls: raw.KAFKA_TLS ? tls : null,
    sasl: mechanism === "none" ? null : { mechanism, username, password: raw.KAFKA_SASL_PASSWORD ?? "" },
  };
};

const registryOf = (raw: Raw) => {
  const { SCHEMA_REGISTRY_USERNAME: username, SCHEMA_REGISTRY_PASSWORD: password = "" } = raw;
  const bearer =
    raw.SCHEMA_REGISTRY_TOKEN === undefined
      ? null
      : ({ kind: "bearer", token: raw.SCHEMA_REGISTRY_TOKEN } as const);
  return {
    /** Without a slash at its end. */
    url: valueOf(formats.registryUrl.parse(raw.SCHEMA_REGISTRY_URL)),
    auth: username === undefined ? bearer : ({ kind: "basic", username, password } as const),
    /** The text of the file. */
    ca: raw.SCHEMA_REGISTRY_CA_FILE ?? null,
  };
};

const toConfig = (raw: Raw) => ({
  host: raw.HOST,
  port: raw.PORT,
  adminHost: raw.ADMIN_HOST,
  adminPort: raw.ADMIN_PORT,
  callbackPath: raw.CALLBACK_PATH,
  /** All of them must pass; empty: anyone may call. */
  auth: valueOf(formats.auth.parse(raw.AUTH)),
  hmacKeys: raw.HMAC_KEYS === undefined ? [] : valueOf(formats.secrets.parse(raw.HMAC_KEYS)),
  hmacScheme: raw.HMAC_SCHEME,
  /** 0: off. */
  hmacMaxAgeMs: raw.HMAC_MAX_AGE_MS,
  tokens: raw.TOKENS === undefined ? [] : valueOf(formats.tokens.parse(raw.TOKENS)),
  bodyLimitBytes: valueOf(formats.size.parse(raw.BODY_LIMIT_BYTES)),
  maxInFlight: raw.MAX_IN_FLIGHT,
  replyDeadlineMs: raw.REPLY_DEADLINE_MS,
  ackAfter: raw.ACK_AFTER,
  journal: {
    /** Null: the journal in memory. */
    directory: raw.JOURNAL_DIR === "none" ? null : raw.JOURNAL_DIR,
    maxBytes: valueOf(formats.size.parse(raw.JOURNAL_MAX_BYTES)),
  },
  /** 0: repeats are published again. */
  dedupeWindowMs: valueOf(formats.duration.parse(raw.DEDUPE_WINDOW)),
  kafka: kafkaOf(raw),
  registry: registryOf(raw),
  schemas: raw.SCHEMAS,
  topics: {
    mode: raw.TOPICS,
    prefix: raw.TOPIC_PREFIX,
    partitions: raw.TOPIC_PARTITIONS,
    /** -1: the broker's default. */
    replication: raw.TOPIC_REPLICATION,
  },
  sensitiveFields: raw.SENSITIVE_FIELDS,
  shutdownTimeoutMs: raw.SHUTDOWN_TIMEOUT_MS,
  logLevel: raw.LOG_LEVEL,
});

export type Config = Readonly<ReturnType<typeof toConfig>>;
export type Loaded =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Settings from environment variables. Reports all faults together, one line each, and never a secret. */
export const loadConfig = (env: Environment): Loaded => {
  const problems: string[] = [];
  const texts: Texts = {};
  for (const name of settingNames) {
    const text = textOf(name, env, problems);
    if (text !== undefined) texts[name] = text;
  }
  const result = checked(texts);
  problems.push(...("problems" in result ? result.problems : []), ...contradictions(texts));
  if (!("raw" in result) || problems.length > 0) return { ok: false, problems };
  const config = toConfig(result.raw);
  const known = [...settingNames, ...secretNames.map((name) => `${name}_FILE`)];
  const warnings = [...doubtful(texts), ...shortSecrets(config), ...mistyped(Object.keys(env), known)];
  return { ok: true, config, warnings };
};
