import { readFileSync } from "node:fs";
import { envSchema, type EnvSchemaOpt } from "env-schema";
import { unreadPem } from "./core/pem.ts";
import { exampleOf, explain, formatOf, formats, secretFormats } from "./core/setting-formats.ts";
import { valueOf } from "./core/setting-formats.ts";
import { type Parsed, shortSecrets } from "./core/named-secrets.ts";
import type { PresetName, Recipe } from "./core/recipe.ts";
import { contradictions, doubtful, mistyped } from "./core/setting-rules.ts";
import { ConfigSchema, type SettingName, type Settings } from "./settings.ts";

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

/** What looks otherwise may be the secret itself, where the path of its file should stand. */
const looksLikePath = (text: string): boolean => /^\.{0,2}\/[^:]*$/.test(text);

const fileText = (setting: string, path: string): Parsed<string> => {
  try {
    const content = readFileSync(path, "utf8").replace(/[\r\n]+$/, "");
    return content === "" ? { wrong: `${setting} names an empty file: ${path}` } : { value: content };
  } catch (error) {
    const wrong = `${setting} names a file that cannot be read`;
    if (!looksLikePath(path)) return { wrong: `${wrong}; a path is needed, for example /run/secrets/name` };
    return { wrong: `${wrong}: ${path}: ${error instanceof Error ? error.message : String(error)}` };
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
  // Told once is enough: with an example in its place no rule reports it as missing. None asks for keys of the journal.
  if (formatOf(properties[name]) === "journalKeys") return undefined;
  return isPem(name) ? unreadPem : exampleOf(properties[name]);
};

/** The files that settings come from. */
export const settingFiles = (env: Environment): readonly string[] =>
  settingNames.flatMap((name) => {
    if (isSecret(name)) return given(env, `${name}_FILE`) ?? [];
    return isPem(name) ? (given(env, name) ?? []) : [];
  });

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
const checked = (texts: Texts): { readonly raw: Settings } | { readonly problems: string[] } => {
  try {
    return { raw: envSchema<Settings>({ schema: ConfigSchema, data: { ...texts }, env: false, ajv }) };
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

const kafkaOf = (raw: Settings) => {
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

const registryOf = (raw: Settings) => {
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

type ListFormat<T> = { readonly parse: (text: string) => Parsed<readonly T[]> };
/** Empty where nothing is set. */
const listOf = <T>(text: string | undefined, format: ListFormat<T>): readonly T[] =>
  text === undefined ? [] : valueOf(format.parse(text));

const networkOf = (raw: Settings) => {
  const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CLIENT_CA_FILE: clientCa = null } = raw;
  return {
    /** The texts of the files; null: plain HTTP. */
    tls: cert === undefined || key === undefined ? null : { cert, key, clientCa },
    /** Empty: anyone. */
    allowIps: listOf(raw.ALLOW_IPS, formats.addresses),
    trustProxy: listOf(raw.TRUST_PROXY, formats.addresses),
    maxBytesInFlight: valueOf(formats.size.parse(raw.MAX_BYTES_IN_FLIGHT)),
    maxConnections: raw.MAX_CONNECTIONS,
    /** 0: no limit. */
    maxConnectionsPerAddress: raw.MAX_CONNECTIONS_PER_ADDRESS,
    idleTimeoutMs: raw.IDLE_TIMEOUT_MS,
    /** Per second and source; 0: no limit. */
    rateLimit: raw.RATE_LIMIT,
  };
};

const schemeOf = (raw: Settings): PresetName | Recipe => {
  const { HMAC_SCHEME: scheme, HMAC_SIGNATURE_HEADER = "", HMAC_TIMESTAMP_HEADER = null } = raw;
  if (scheme !== "custom") return scheme;
  const message = valueOf(formats.message.parse(raw.HMAC_MESSAGE));
  return {
    algorithm: raw.HMAC_ALGORITHM,
    signatureHeader: HMAC_SIGNATURE_HEADER.toLowerCase(),
    timestampHeader: message.includes("{timestamp}") ? (HMAC_TIMESTAMP_HEADER?.toLowerCase() ?? null) : null,
    idHeader: null,
    message,
    prefix: raw.HMAC_SIGNATURE_PREFIX ?? "",
    several: false,
    encoding: raw.HMAC_ENCODING,
    keyEncoding: raw.HMAC_KEY_ENCODING,
  };
};

const toConfig = (raw: Settings) => ({
  host: raw.HOST,
  port: raw.PORT,
  adminHost: raw.ADMIN_HOST,
  adminPort: raw.ADMIN_PORT,
  callbackPath: raw.CALLBACK_PATH,
  /** All of them must pass; empty: anyone may call. */
  auth: valueOf(formats.auth.parse(raw.AUTH)),
  hmacKeys: listOf(raw.HMAC_KEYS, formats.secrets),
  hmacScheme: schemeOf(raw),
  /** 0: off. */
  hmacMaxAgeMs: raw.HMAC_MAX_AGE_MS,
  tokens: listOf(raw.TOKENS, formats.tokens),
  network: networkOf(raw),
  basicUsers: listOf(raw.BASIC_USERS, formats.secrets),
  capture: raw.CAPTURE === "on",
  bodyLimitBytes: valueOf(formats.size.parse(raw.BODY_LIMIT_BYTES)),
  maxInFlight: raw.MAX_IN_FLIGHT,
  /** 1: no thread beside the main one. */
  workers: raw.WORKERS,
  replyDeadlineMs: raw.REPLY_DEADLINE_MS,
  ackAfter: raw.ACK_AFTER,
  journal: {
    /** Null: the journal in memory. */
    directory: raw.JOURNAL_DIR === "none" ? null : raw.JOURNAL_DIR,
    maxBytes: valueOf(formats.size.parse(raw.JOURNAL_MAX_BYTES)),
    /** The first one encrypts; empty: nothing is encrypted. */
    keys: listOf(raw.JOURNAL_KEY, formats.journalKeys),
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
