import { parseAddresses } from "./addresses.ts";
import { parseJournalKeys } from "./journal-keys.ts";
import { type Parsed, parseSecrets, parseTokens } from "./named-secrets.ts";
import { faultOfMessage } from "./recipe.ts";

/** How values of settings are written. Whatever is wrong is said without the value: it may be a secret. */
type Format<T> = {
  readonly allowed: string;
  readonly example: string;
  readonly parse: (text: string) => Parsed<T>;
};

export type AuthMethod = "hmac" | "token" | "basic";

/** Timers take no more. */
const longestMs = 2 ** 31 - 1;

const matching =
  (pattern: RegExp) =>
  (text: string): Parsed<string> =>
    pattern.test(text) ? { value: text } : { wrong: "is not allowed" };

const entriesOf = (text: string): string[] => text.split(",").map((entry) => entry.trim());

const scaled = (text: string, pattern: RegExp, units: Readonly<Record<string, number>>): number | null => {
  const [, amount, unit = ""] = pattern.exec(text) ?? [];
  const factor = units[unit.toLowerCase()];
  return amount === undefined || factor === undefined ? null : Math.round(Number(amount) * factor);
};

const sizeUnits = { "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 };
const binaryUnits = { kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 };
const parseSize = (text: string): Parsed<number> => {
  const size = scaled(text, /^(\d{1,16}(?:\.\d{1,6})?) ?([a-z]*)$/i, { ...sizeUnits, ...binaryUnits });
  if (size === null) return { wrong: "is not a size" };
  return size >= 1 && size <= Number.MAX_SAFE_INTEGER ? { value: size } : { wrong: "is out of range" };
};

const durationUnits = { "": 1, ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 };
const parseDuration = (text: string): Parsed<number> => {
  const duration = scaled(text, /^(\d{1,16}(?:\.\d{1,6})?) ?([a-z]*)$/i, durationUnits);
  if (duration === null) return { wrong: "is not a duration" };
  return duration <= longestMs ? { value: duration } : { wrong: "is too long" };
};

const parseAuth = (text: string): Parsed<readonly AuthMethod[]> => {
  const named = [...new Set(entriesOf(text.toLowerCase()))];
  if (named.length === 1 && named[0] === "none") return { value: [] };
  if (named.includes("none")) return { wrong: "has none beside others" };
  const methods = named.filter((name) => name === "hmac" || name === "token" || name === "basic");
  return methods.length === named.length ? { value: methods } : { wrong: "names an unknown method" };
};

/** A line break is written `\n`, since variables and files of them can hardly hold one. */
const parseMessage = (text: string): Parsed<string> => {
  const message = text.replaceAll("\\n", "\n");
  const wrong = faultOfMessage(message);
  return wrong === null ? { value: message } : { wrong };
};

const parseBrokers = (text: string): Parsed<readonly string[]> => {
  const brokers = entriesOf(text);
  const odd = brokers.findIndex((broker) => {
    const port = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(broker)?.[1];
    return port === undefined || Number(port) < 1 || Number(port) > 65_535;
  });
  return odd === -1 ? { value: brokers } : { wrong: `is wrong in entry ${odd + 1}` };
};

const parseRegistryUrl = (text: string): Parsed<string> => {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return { wrong: "is not an http or https address" };
  if (url.username !== "" || url.password !== "")
    return {
      wrong: "holds credentials, which belong into SCHEMA_REGISTRY_USERNAME and _PASSWORD (or _TOKEN)",
    };
  if (/[?#]/.test(text)) return { wrong: "has a query or a fragment" };
  return { value: url.href.replace(/\/+$/, "") };
};

export const formats = {
  size: { allowed: "bytes, or a number with KiB, MiB, GiB, KB, MB, GB", example: "10 GiB", parse: parseSize },
  duration: { allowed: "ms, or a number with s, m, h, d; at most 24d", example: "6h", parse: parseDuration },
  auth: {
    allowed:
      "hmac (signature, needs HMAC_KEYS), token (secret in the address, needs TOKENS), basic (user and password, needs BASIC_USERS), several with commas, or none alone (anyone may call)",
    example: "hmac",
    parse: parseAuth,
  },
  secrets: {
    allowed: "name:secret, several with commas, each name once and of 1 to 64 letters, digits, '.', '_', '-'",
    example: "main:<secret>",
    parse: parseSecrets,
  },
  tokens: {
    allowed: "name:token, several with commas, each name once and of 1 to 64 letters, digits, '.', '_', '-'",
    example: "main:<token>",
    parse: parseTokens,
  },
  addresses: {
    allowed: "IPv4 and IPv6 addresses and ranges, several with commas",
    example: "10.0.0.0/8,2001:db8::1",
    parse: parseAddresses,
  },
  users: {
    allowed:
      "name:password, several with commas, each name once and of 1 to 64 letters, digits, '.', '_', '-'",
    example: "main:<password>",
    parse: parseSecrets,
  },
  headerName: {
    allowed: "the name of an HTTP header",
    example: "x-signature",
    parse: matching(/^[\w!#$%&'*+.^`|~-]+$/),
  },
  message: {
    allowed:
      "text with {body} and, if they are signed, {timestamp} and {query}, each once; \\n for a line break",
    example: "{timestamp}{query}{body}",
    parse: parseMessage,
  },
  signaturePrefix: {
    allowed: "letters, digits, signs and spaces",
    example: "sha256=",
    parse: matching(/^[\x20-\x7e]{1,64}$/),
  },
  journalKeys: {
    allowed:
      "one name:key per line, each a name of 1 to 64 letters, digits, '.', '_', '-' and 32 random bytes in Base64",
    example: "2026:<openssl rand -base64 32>",
    parse: parseJournalKeys,
  },
  brokers: {
    allowed: "host:port, several with commas",
    example: "kafka-1:9092,kafka-2:9092",
    parse: parseBrokers,
  },
  registryUrl: {
    allowed: "an http or https address, with a path where the registry has one",
    example: "http://registry:8081",
    parse: parseRegistryUrl,
  },
  path: {
    allowed: "a path that begins with '/', of letters, digits, '.', '_', '~', '-', '/'",
    example: "/callback",
    parse: matching(/^\/[\w.~/-]*$/),
  },
  topicPrefix: {
    allowed: "letters, digits, '.', '_', '-', so few that no topic is longer than 249",
    example: "esign.",
    parse: matching(/^[\w.-]+$/),
  },
  clientId: {
    allowed: "letters, digits, '.', '_', '-'",
    example: "bridge-1",
    parse: matching(/^[\w.-]{1,200}$/),
  },
  host: { allowed: "an address or a host's name", example: "0.0.0.0", parse: matching(/^[\w.:%-]+$/) },
  pem: {
    allowed: "the path of a PEM file",
    example: "/run/secrets/ca.pem",
    parse: matching(/-----BEGIN /),
  },
  secret: { allowed: "any text", example: "<secret>", parse: matching(/^[^\0]+$/) },
  text: { allowed: "any text", example: "text", parse: matching(/^[^\0]+$/) },
} as const satisfies Record<string, Format<unknown>>;

export type FormatName = keyof typeof formats;

/** Of a value that was checked before: anything else is a bug. */
export const valueOf = <T>(parsed: Parsed<T>): T => {
  if ("value" in parsed) return parsed.value;
  throw new Error(`A setting ${parsed.wrong} after it was checked`);
};

/** The parts of a setting's JSON schema that say what it takes. */
export type SettingRule = {
  readonly [keyword in "type" | "format" | "enum" | "minimum" | "maximum" | "default"]?: unknown;
};
export type Setting = { readonly name: string; readonly secret: boolean; readonly rule: SettingRule };

/** Values of these are never shown, and can be given in a file. */
export const secretFormats: readonly (FormatName | undefined)[] = [
  "secrets",
  "tokens",
  "users",
  "secret",
  "journalKeys",
];
export const formatOf = (rule: SettingRule): FormatName | undefined =>
  formatNames.find((name) => name === rule.format);
const formatNames = Object.keys(formats).filter((name): name is FormatName => name in formats);

const allowedBy = (rule: SettingRule): string => {
  if (Array.isArray(rule.enum)) return `one of ${rule.enum.join(", ")}`;
  const isNumber = rule.type === "integer";
  return isNumber
    ? `a whole number from ${Number(rule.minimum)} to ${Number(rule.maximum)}`
    : "true or false";
};

export const exampleOf = (rule: SettingRule): string => {
  const format = formatOf(rule);
  return format === undefined ? String(rule.default) : formats[format].example;
};

const wrongWith = ({ rule, secret }: Setting, text: string): string => {
  const format = formatOf(rule);
  const parsed = format === undefined ? { wrong: "is not allowed" } : formats[format].parse(text);
  const wrong = "wrong" in parsed ? parsed.wrong : "is not allowed";
  // An address may carry a password, and a file may hold one.
  const hidden = secret || format === "pem" || text.includes("@");
  return hidden ? wrong : `(${JSON.stringify(text.slice(0, 60))}) ${wrong}`;
};

/** One line for the operator on a setting that is missing (no `text`) or badly written. Shows no secret. */
export const explain = (setting: Setting, text: string | undefined): string => {
  const { name, rule } = setting;
  const format = formatOf(rule);
  const fault = text === undefined ? "is required" : wrongWith(setting, text);
  const allowed = format === undefined ? allowedBy(rule) : formats[format].allowed;
  return `${name} ${fault}: ${allowed}; for example ${name}=${exampleOf(rule)}`;
};
