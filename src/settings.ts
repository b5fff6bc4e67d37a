import { type Static, Type } from "typebox";
import type { FormatName } from "./core/setting-formats.ts";

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
    ADMIN_HOST: written("host", "127.0.0.1", "Address of `/live`, `/ready` and `/metrics`."),
    ADMIN_PORT: integer(8081, [0, 65_535], "Port of `/live`, `/ready` and `/metrics`; 0 takes any free one."),
    CALLBACK_PATH: written("path", "/callback", "Path that eSignGlobal calls."),
    AUTH: required("auth", "Who may call: `hmac`, `token`, `basic`; of several all must pass; or `none`."),
    HMAC_KEYS: optional("secrets", "Live signature keys, as `name:secret` with commas; all are tried."),
    HMAC_SCHEME: choice(
      ["tsign", "standard-webhooks", "custom"],
      "How eSignGlobal signs; `custom` as the next seven settings say.",
    ),
    HMAC_ALGORITHM: choice(["sha256", "sha512"], "Hash of the signature."),
    HMAC_SIGNATURE_HEADER: optional("headerName", "Header that holds the signature."),
    HMAC_TIMESTAMP_HEADER: optional("headerName", "Header that holds the timestamp, where it is signed."),
    HMAC_MESSAGE: written(
      "message",
      "{timestamp}{query}{body}",
      "What is signed; `{query}` stands for the query's values in the order of their keys.",
    ),
    HMAC_SIGNATURE_PREFIX: optional("signaturePrefix", "What stands before the signature in its header."),
    HMAC_ENCODING: choice(["any", "hex", "base64"], "How the signature is written."),
    HMAC_KEY_ENCODING: choice(["text", "hex", "base64"], "How the keys in HMAC_KEYS are written."),
    HMAC_MAX_AGE_MS: integer(
      0,
      [0, 2 ** 40],
      "Oldest signature taken; 0: any. Below 17141000 loses retries.",
    ),
    TOKENS: optional(
      "tokens",
      "Live tokens, as `name:token` with commas: Bearer, `?token=` or end of the path.",
    ),
    BASIC_USERS: optional("users", "Users of Basic authentication, as `name:password` with commas."),
    CAPTURE: choice(
      ["off", "on"],
      "Whether names and shapes of what arrives are logged, to find out how eSignGlobal signs.",
    ),
    TLS_CERT_FILE: optional("pem", "PEM file of the certificate for callbacks, and of those above it."),
    TLS_KEY_FILE: optional("pem", "PEM file of the key to that certificate."),
    TLS_CLIENT_CA_FILE: optional(
      "pem",
      "PEM file of the authority whose certificate every caller must have.",
    ),
    ALLOW_IPS: optional("addresses", "Addresses that may call; what comes from others gets 403."),
    TRUST_PROXY: optional("addresses", "Proxies whose X-Forwarded-For is believed; nobody else's is."),
    BODY_LIMIT_BYTES: written("size", "1 MiB", "Largest body; what is larger gets 413."),
    MAX_IN_FLIGHT: integer(10_000, [1, 1_000_000], "Callbacks that may wait at once; one more gets 503."),
    MAX_BYTES_IN_FLIGHT: written(
      "size",
      "256 MiB",
      "Bytes of bodies held at once; beyond it the largest that is still coming gets 503.",
    ),
    MAX_CONNECTIONS: integer(10_000, [1, 1_000_000], "Connections at once; one more is closed."),
    MAX_CONNECTIONS_PER_ADDRESS: integer(
      1000,
      [0, 1_000_000],
      "The same for one address (IPv6: one /64) that is no TRUST_PROXY; 0: no limit.",
    ),
    IDLE_TIMEOUT_MS: integer(
      72_000,
      [1000, 3_600_000],
      "How long a connection is kept for another request: longer than the proxy keeps it.",
    ),
    RATE_LIMIT: integer(
      0,
      [0, 1_000_000],
      "Callbacks per second and source, over 10 s; one more gets 429. 0: no limit.",
    ),
    WORKERS: integer(
      1,
      [1, 64],
      "Threads that receive and check callbacks; 1: the main thread does, which publishes too.",
    ),
    REPLY_DEADLINE_MS: integer(3500, [100, 4500], "Longest wait for an answer; the sender waits 5000."),
    ACK_AFTER: choice(["published", "stored"], "When 200 is given: Kafka has it, or the disk has it."),
    JOURNAL_DIR: written("text", "./data/journal", "Folder of the journal; `none` keeps it in memory."),
    JOURNAL_MAX_BYTES: written(
      "size",
      "10 GiB",
      "Most that the journal may hold, parked topics included; beyond it callers get 503.",
    ),
    JOURNAL_KEY: optional(
      "journalKeys",
      "Keys that encrypt the journal, one `name:key` per line; the first writes, all read.",
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

export type Settings = Static<typeof ConfigSchema>;
export type SettingName = keyof Settings;
