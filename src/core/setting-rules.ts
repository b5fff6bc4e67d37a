import {
  type AuthenticationTexts,
  authenticationDoubts,
  authenticationFaults,
} from "./authentication-rules.ts";
import { catalog, deadLetterTopic } from "./catalog.ts";
import { pemProblems } from "./pem.ts";
import { formats } from "./setting-formats.ts";

/** Settings as written, empty ones left out. Only those that some rule looks at need a name here. */
export type Texts = Readonly<
  Partial<
    Record<
      | ("ACK_AFTER" | "ADMIN_HOST" | "ADMIN_PORT" | "HOST")
      | (
          | "JOURNAL_DIR"
          | "JOURNAL_KEY"
          | "KAFKA_SASL_MECHANISM"
          | "KAFKA_SASL_PASSWORD"
          | "KAFKA_SASL_USERNAME"
          | "KAFKA_TLS"
        )
      | ("KAFKA_TLS_CA_FILE" | "KAFKA_TLS_CERT_FILE" | "KAFKA_TLS_KEY_FILE" | "PORT")
      | ("SCHEMA_REGISTRY_CA_FILE" | "SCHEMA_REGISTRY_PASSWORD" | "SCHEMA_REGISTRY_TOKEN")
      | ("MAX_CONNECTIONS" | "MAX_CONNECTIONS_PER_ADDRESS")
      | ("BODY_LIMIT_BYTES" | "MAX_BYTES_IN_FLIGHT" | "TLS_CERT_FILE" | "TLS_CLIENT_CA_FILE" | "TLS_KEY_FILE")
      | (
          | "SCHEMA_REGISTRY_URL"
          | "SCHEMA_REGISTRY_USERNAME"
          | "TOPIC_PREFIX"
          | "TOPIC_REPLICATION"
          | "WORKERS"
        ),
      string
    >
  >
>;
type Rule = { readonly broken: (texts: Texts) => boolean; readonly says: string };

/** Kafka's own limit. */
const longestTopic = 249;
const longestSuffix = Math.max(
  ...[deadLetterTopic, ...Object.values(catalog).map(({ topic }) => topic)].map(({ length }) => length),
);

const mechanismOf = (texts: Texts): string => texts.KAFKA_SASL_MECHANISM ?? "none";
const sizeOf = (text: string): number => {
  const parsed = formats.size.parse(text);
  // Badly written: told elsewhere.
  return "value" in parsed ? parsed.value : Number.NaN;
};
const samePort = (texts: Texts): boolean =>
  (texts.PORT ?? "8080") === (texts.ADMIN_PORT ?? "8081") && texts.PORT !== "0";

/** All addresses of the machine are also the one. */
const sameHost = (host: string, adminHost: string): boolean =>
  [host, adminHost].some((one) => one === "0.0.0.0" || one === "::") || host === adminHost;

const faults: readonly Rule[] = [
  {
    broken: (t) => samePort(t) && sameHost(t.HOST ?? "0.0.0.0", t.ADMIN_HOST ?? "127.0.0.1"),
    says: "ADMIN_PORT is the same as PORT: callbacks and /metrics need a port each, for example ADMIN_PORT=8081",
  },
  {
    broken: (t) => t.ACK_AFTER === "stored" && t.JOURNAL_DIR === "none",
    says: "ACK_AFTER=stored needs a journal on disk, and JOURNAL_DIR is none: use ACK_AFTER=published, or a folder, for example JOURNAL_DIR=./data/journal",
  },
  {
    broken: (t) => (t.TLS_CERT_FILE === undefined) !== (t.TLS_KEY_FILE === undefined),
    says: "TLS_CERT_FILE and TLS_KEY_FILE belong together, and one is missing: set both or none",
  },
  {
    broken: (t) => t.TLS_CLIENT_CA_FILE !== undefined && t.TLS_CERT_FILE === undefined,
    says: "TLS_CLIENT_CA_FILE has no meaning without TLS_CERT_FILE and TLS_KEY_FILE: set them, or unset it",
  },
  {
    broken: (t) => sizeOf(t.MAX_BYTES_IN_FLIGHT ?? "256 MiB") < sizeOf(t.BODY_LIMIT_BYTES ?? "1 MiB"),
    says: "MAX_BYTES_IN_FLIGHT is less than BODY_LIMIT_BYTES: a body of that size could never pass; for example MAX_BYTES_IN_FLIGHT=256 MiB",
  },
  {
    broken: (t) =>
      sizeOf(t.MAX_BYTES_IN_FLIGHT ?? "256 MiB") / Number(t.WORKERS ?? 1) <
        sizeOf(t.BODY_LIMIT_BYTES ?? "1 MiB") && Number(t.WORKERS ?? 1) > 1,
    says: "MAX_BYTES_IN_FLIGHT is divided among WORKERS, and the part of one is less than BODY_LIMIT_BYTES: a body of that size could never pass; raise it, or lower WORKERS",
  },
  {
    broken: (t) =>
      t.KAFKA_TLS !== "true" &&
      [t.KAFKA_TLS_CA_FILE, t.KAFKA_TLS_CERT_FILE, t.KAFKA_TLS_KEY_FILE].some((file) => file !== undefined),
    says: "KAFKA_TLS is not true, and a KAFKA_TLS_…_FILE is set: use KAFKA_TLS=true, or unset the file",
  },
  {
    broken: (t) => (t.KAFKA_TLS_CERT_FILE === undefined) !== (t.KAFKA_TLS_KEY_FILE === undefined),
    says: "KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE belong together, and one is missing: set both or none",
  },
  {
    broken: (t) =>
      mechanismOf(t) !== "none" &&
      (t.KAFKA_SASL_USERNAME === undefined || t.KAFKA_SASL_PASSWORD === undefined),
    says: "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or KAFKA_SASL_PASSWORD_FILE) are both required by KAFKA_SASL_MECHANISM",
  },
  {
    broken: (t) =>
      mechanismOf(t) === "none" &&
      (t.KAFKA_SASL_USERNAME !== undefined || t.KAFKA_SASL_PASSWORD !== undefined),
    says: "KAFKA_SASL_MECHANISM is none, and KAFKA_SASL_USERNAME or _PASSWORD is set: name one, for example KAFKA_SASL_MECHANISM=scram-sha-512",
  },
  {
    broken: (t) => (t.SCHEMA_REGISTRY_USERNAME === undefined) !== (t.SCHEMA_REGISTRY_PASSWORD === undefined),
    says: "SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD belong together, and one is missing: set both or none",
  },
  {
    broken: (t) => t.SCHEMA_REGISTRY_TOKEN !== undefined && t.SCHEMA_REGISTRY_USERNAME !== undefined,
    says: "SCHEMA_REGISTRY_TOKEN and SCHEMA_REGISTRY_USERNAME exclude each other: set one of them",
  },
  {
    broken: (t) =>
      t.SCHEMA_REGISTRY_CA_FILE !== undefined && (t.SCHEMA_REGISTRY_URL ?? "").startsWith("http:"),
    says: "SCHEMA_REGISTRY_CA_FILE has no meaning for an http address: use https in SCHEMA_REGISTRY_URL, or unset it",
  },
  {
    broken: (t) => (t.TOPIC_PREFIX ?? "").length + longestSuffix > longestTopic,
    says: `TOPIC_PREFIX is too long: Kafka takes names of ${longestTopic}, so at most ${longestTopic - longestSuffix}, for example TOPIC_PREFIX=esign.`,
  },
  {
    broken: (t) => Number(t.TOPIC_REPLICATION ?? -1) === 0,
    says: "TOPIC_REPLICATION is 0: use -1 for the broker's default or a number of replicas, for example TOPIC_REPLICATION=3",
  },
];

const doubts: readonly Rule[] = [
  {
    broken: (t) => Number(t.MAX_CONNECTIONS_PER_ADDRESS ?? 1000) >= Number(t.MAX_CONNECTIONS ?? 10_000),
    says: "MAX_CONNECTIONS_PER_ADDRESS is not less than MAX_CONNECTIONS: one address can keep out all others",
  },
  {
    broken: (t) => t.JOURNAL_KEY !== undefined && t.JOURNAL_DIR === "none",
    says: "JOURNAL_KEY is set, and JOURNAL_DIR is none: no journal is written that it could encrypt",
  },
  {
    broken: (t) => mechanismOf(t) === "plain" && t.KAFKA_TLS !== "true",
    says: "KAFKA_SASL_MECHANISM is plain without KAFKA_TLS=true: the password crosses the network readable",
  },
  {
    broken: (t) =>
      (t.SCHEMA_REGISTRY_URL ?? "").startsWith("http:") &&
      (t.SCHEMA_REGISTRY_PASSWORD ?? t.SCHEMA_REGISTRY_TOKEN) !== undefined,
    says: "SCHEMA_REGISTRY_URL is http, and credentials are set: they cross the network readable; use https",
  },
];

const broken = (rules: readonly Rule[], texts: Texts): string[] =>
  rules.filter((rule) => rule.broken(texts)).map((rule) => rule.says);

/** What no single setting shows: they contradict each other, or one needs another. */
export const contradictions = (texts: Texts & AuthenticationTexts): string[] => [
  ...authenticationFaults(texts),
  ...broken(faults, texts),
  ...pemProblems(texts),
];
/** Allowed, and probably not meant. */
export const doubtful = (texts: Texts & AuthenticationTexts): string[] => [
  ...authenticationDoubts(texts),
  ...broken(doubts, texts),
];

/** Levenshtein's distance. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of a.split("").entries()) {
    let diagonal = index;
    let left = index + 1;
    row = row.map((above, column) => {
      if (column === 0) return left;
      left = Math.min(above + 1, left + 1, diagonal + (b[column - 1] === letter ? 0 : 1));
      diagonal = above;
      return left;
    });
  }
  return row[b.length] ?? a.length;
};

/** Names of four letters are so close to HOME and PATH that only one letter may differ. */
const nearest = (name: string, known: readonly string[]): string | undefined =>
  known.find((candidate) => {
    const most = candidate.length > 6 ? 2 : 1;
    return Math.abs(candidate.length - name.length) <= most && distance(name, candidate) <= most;
  });

const ours = /^(?:KAFKA|SCHEMA_REGISTRY|HMAC|JOURNAL|TOPIC)_/;
/** Kubernetes sets these for each service in sight, so that a service named `kafka` looks like a setting of ours. */
const ofKubernetes = /_SERVICE_HOST$|_SERVICE_PORT(?:_|$)|_PORT(?:_|$)/;

/** Variables that look like settings of ours and are none: probably mistyped. */
export const mistyped = (variables: readonly string[], known: readonly string[]): string[] =>
  variables
    .filter((name) => name.length <= 100 && !known.includes(name) && !ofKubernetes.test(name))
    .flatMap((name) => {
      const meant = nearest(name, known);
      if (meant !== undefined) return [`${name} is not a setting; did you mean ${meant}?`];
      return ours.test(name) ? [`${name} is not a setting`] : [];
    });
