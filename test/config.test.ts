import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { type Environment, loadConfig } from "../src/config.ts";
import { ConfigSchema } from "../src/settings.ts";
import { secretNames, settingNames } from "../src/config.ts";
import { openAuthority } from "./support/authority.ts";
import { keyLine } from "./support/journalKeys.ts";
import { hmacKeys as key, least, loadedFrom, problemsOf } from "./support/settings.ts";

const fileWith = async (t: TestContext, text: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "config-test-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "file"), text);
  return join(folder, "file");
};

test("without anything set, each required setting is asked for, and AUTH with its choices", () => {
  const problems = problemsOf({});
  assert.deepEqual(
    problems.map((line) => line.split(" ")[0]),
    ["AUTH", "KAFKA_BROKERS", "SCHEMA_REGISTRY_URL"],
  );
  assert.match(problems[0] ?? "", /hmac.*HMAC_KEYS.*token.*TOKENS.*basic.*BASIC_USERS.*none.*AUTH=hmac$/);
});

test("defaults are those of the design", () => {
  const { config, warnings } = loadedFrom({});
  assert.deepEqual(warnings, []);
  assert.equal(config.port, 8080);
  assert.deepEqual(config.journal, { directory: "./data/journal", maxBytes: 10 * 2 ** 30, keys: [] });
  assert.equal(config.dedupeWindowMs, 6 * 3_600_000);
  assert.equal(config.bodyLimitBytes, 2 ** 20);
  assert.deepEqual(config.topics, { mode: "create", prefix: "esign.", partitions: 3, replication: -1 });
  assert.deepEqual(config.registry, { url: "http://registry:8081", auth: null, ca: null });
  assert.equal(config.kafka.tls, null);
});

test("values are parsed", () => {
  const { config } = loadedFrom({
    AUTH: "hmac, token",
    HMAC_KEYS: `${key},old.app:with:colons:0123456789`,
    TOKENS: "hook:0123456789abcdef",
    BODY_LIMIT_BYTES: "512KiB",
    JOURNAL_DIR: "none",
    DEDUPE_WINDOW: "90m",
    KAFKA_BROKERS: "a:1, [::1]:9092",
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: "bridge",
    KAFKA_SASL_PASSWORD: "s3cret",
    SCHEMA_REGISTRY_URL: "https://registry/apis/ccompat/v7/",
    SCHEMA_REGISTRY_TOKEN: "t0ken",
    PORT: "0",
    TOPIC_PREFIX: "",
  });
  assert.deepEqual(config.auth, ["hmac", "token"]);
  assert.deepEqual(config.hmacKeys[1], { name: "old.app", secret: "with:colons:0123456789" });
  assert.deepEqual(config.tokens, [{ name: "hook", secret: "0123456789abcdef" }]);
  assert.equal(config.bodyLimitBytes, 512 * 1024);
  assert.equal(config.journal.directory, null);
  assert.equal(config.dedupeWindowMs, 5_400_000);
  assert.deepEqual(config.kafka.brokers, ["a:1", "[::1]:9092"]);
  const sasl = { mechanism: "scram-sha-512", username: "bridge", password: "s3cret" };
  assert.deepEqual(config.kafka.sasl, sasl);
  assert.equal(config.registry.url, "https://registry/apis/ccompat/v7");
  assert.deepEqual(config.registry.auth, { kind: "bearer", token: "t0ken" });
  assert.equal(config.port, 0);
  assert.equal(config.topics.prefix, "esign.");
  assert.deepEqual(loadedFrom({ AUTH: "none", HMAC_KEYS: "" }).config.auth, []);
  assert.equal(loadedFrom({ DEDUPE_WINDOW: "1500" }).config.dedupeWindowMs, 1500);
});

/** What is set beside the least, and the one line expected. */
const faults: readonly (readonly [Environment, RegExp])[] = [
  [{ PORT: "80a" }, /^PORT \("80a"\) is not allowed: a whole number from 0 to 65535; for example PORT=8080$/],
  [{ PORT: "65536" }, /^PORT /],
  [{ PORT: "8081" }, /^ADMIN_PORT is the same as PORT/],
  [{ HOST: "a b" }, /^HOST /],
  [{ CALLBACK_PATH: "callback" }, /^CALLBACK_PATH .*begins with '\/'/],
  [{ CALLBACK_PATH: "/callback?a=1" }, /^CALLBACK_PATH /],
  [{ AUTH: "hmac,none" }, /^AUTH .*none beside others/],
  [{ AUTH: "digest" }, /^AUTH .*unknown method/],
  [{ HMAC_KEYS: "" }, /^HMAC_KEYS is required by AUTH=hmac/],
  [{ AUTH: "token" }, /^TOKENS is required by AUTH=token/],
  [{ HMAC_KEYS: "unnamed" }, /^HMAC_KEYS is wrong in entry 1, which has no ':'/],
  [{ HMAC_KEYS: `${key},` }, /^HMAC_KEYS is wrong in entry 2, which is empty/],
  [{ HMAC_KEYS: "a:" }, /^HMAC_KEYS is wrong in entry 1, which has nothing after/],
  [{ HMAC_KEYS: `${key},${key}` }, /^HMAC_KEYS has the same name in entries 1 and 2/],
  [{ HMAC_KEYS: "s3c/ret:0123456789abcdef" }, /^HMAC_KEYS is wrong in entry 1, which has a name/],
  [{ TOKENS: "a:has space in it" }, /^TOKENS is wrong in entry 1, whose token/],
  [{ HMAC_SCHEME: "other" }, /^HMAC_SCHEME .*one of tsign, standard-webhooks, custom;/],
  [{ BODY_LIMIT_BYTES: "1 furlong" }, /^BODY_LIMIT_BYTES .*is not a size/],
  [{ JOURNAL_MAX_BYTES: "0" }, /^JOURNAL_MAX_BYTES .*out of range/],
  [{ DEDUPE_WINDOW: "soon" }, /^DEDUPE_WINDOW .*is not a duration/],
  [{ DEDUPE_WINDOW: "25d" }, /^DEDUPE_WINDOW .*is too long/],
  [{ REPLY_DEADLINE_MS: "4501" }, /^REPLY_DEADLINE_MS .*from 100 to 4500/],
  [{ ACK_AFTER: "stored", JOURNAL_DIR: "none" }, /^ACK_AFTER=stored needs a journal on disk/],
  [{ KAFKA_BROKERS: "kafka" }, /^KAFKA_BROKERS .*entry 1: host:port/],
  [{ KAFKA_BROKERS: "kafka:0,b:9092" }, /^KAFKA_BROKERS .*entry 1/],
  [{ KAFKA_TLS: "maybe" }, /^KAFKA_TLS .*true or false/],
  [{ KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "u" }, /^KAFKA_SASL_USERNAME and .*both required/],
  [{ KAFKA_SASL_USERNAME: "u" }, /^KAFKA_SASL_MECHANISM is none/],
  [{ SCHEMA_REGISTRY_URL: "registry:8081" }, /^SCHEMA_REGISTRY_URL .*is not an http or https address/],
  [{ SCHEMA_REGISTRY_URL: "http://u:s3c@r" }, /^SCHEMA_REGISTRY_URL holds credentials.*_USERNAME and _PASS/],
  [{ SCHEMA_REGISTRY_USERNAME: "u" }, /^SCHEMA_REGISTRY_USERNAME and .*belong together/],
  [{ TOPIC_PREFIX: "a/b" }, /^TOPIC_PREFIX .*letters/],
  [{ TOPIC_PREFIX: "a".repeat(230) }, /^TOPIC_PREFIX is too long/],
  [{ TOPIC_REPLICATION: "0" }, /^TOPIC_REPLICATION is 0/],
  [{ KAFKA_SASL_PASSWORD_FILE: "/no/such/file" }, /^KAFKA_SASL_PASSWORD_FILE .*\/no\/such\/file.*ENOENT/],
];
for (const [env, expected] of faults)
  test(`fault: ${JSON.stringify(env).slice(0, 70)}`, () => {
    const problems = problemsOf({ ...least, ...env });
    const told = problems.filter((line) => expected.test(line));
    assert.equal(told.length, 1, problems.join("\n"));
    assert.ok(!problems.join("\n").includes("\n\n") && !/s3c|0123456789/.test(problems.join("\n")));
  });

test("all faults are told at once", () => {
  const problems = problemsOf({ PORT: "x", AUTH: "hmac", KAFKA_BROKERS: "b", KAFKA_SASL_USERNAME: "u" });
  const first = problems.map((line) => line.split(" ")[0]);
  assert.deepEqual(first, [
    "PORT",
    "KAFKA_BROKERS",
    "SCHEMA_REGISTRY_URL",
    "HMAC_KEYS",
    "KAFKA_SASL_MECHANISM",
  ]);
});

test("secrets and certificates come from files", async (t) => {
  const keys = await fileWith(t, `${key}\r\n`);
  const fromFile = loadedFrom({ HMAC_KEYS: "", HMAC_KEYS_FILE: keys });
  assert.deepEqual(fromFile.config.hmacKeys, [{ name: "main", secret: key.slice(5) }]);
  assert.match(
    problemsOf({ ...least, HMAC_KEYS_FILE: keys }).join(),
    /HMAC_KEYS and HMAC_KEYS_FILE are both set/,
  );
  const empty = await fileWith(t, "\n");
  assert.match(
    problemsOf({ ...least, HMAC_KEYS: "", HMAC_KEYS_FILE: empty }).join("|"),
    /^[^|]*an empty file[^|]*$/,
  );

  await using authority = await openAuthority("config-test");
  const pem = authority.caFile;
  const tls = { KAFKA_TLS: "true", KAFKA_TLS_CA_FILE: pem };
  assert.match(loadedFrom(tls).config.kafka.tls?.ca ?? "", /^-----BEGIN CERTIFICATE/);
  assert.match(problemsOf({ ...least, ...tls, KAFKA_TLS_CA_FILE: keys }).join(), /KAFKA_TLS_CA_FILE .*PEM/);
  assert.match(problemsOf({ ...least, ...tls, KAFKA_TLS_CERT_FILE: pem }).join(), /belong together/);
  assert.match(problemsOf({ ...least, ...tls, KAFKA_TLS: "" }).join(), /KAFKA_TLS is not true/);
});

test("keys of the journal come one per line from a file, and a faulty file is told of once", async (t) => {
  const file = await fileWith(t, `${keyLine("2027")}\n${keyLine("2026")}\n`);
  const { keys } = loadedFrom({ JOURNAL_KEY_FILE: file }).config.journal;
  assert.deepEqual(
    keys.map(({ name }) => name),
    ["2027", "2026"],
  );
  const problems = problemsOf({ ...least, JOURNAL_KEY_FILE: "/nowhere" });
  assert.equal(problems.length, 1, problems.join("\n"));
  assert.match(problems[0] ?? "", /^JOURNAL_KEY_FILE names a file that cannot be read/);
  assert.match(
    problemsOf({ ...least, JOURNAL_KEY: "a:short" }).join(),
    /^JOURNAL_KEY is wrong in entry 1.*32 bytes/,
  );
});

test("P5: a secret that stands where the path of its file should is not told", () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----";
  for (const [name, value] of [
    ["TOKENS_FILE", "main:c2VjcmV0/hunter2"],
    ["KAFKA_SASL_PASSWORD_FILE", "hunter2"],
    ["TLS_KEY_FILE", pem],
  ] as const) {
    const told = problemsOf({ ...least, [name]: value }).join("\n");
    assert.match(told, new RegExp(`${name} names a file that cannot be read; a path is needed`));
    assert.ok(!told.includes("hunter2") && !told.includes("c2VjcmV0"), told);
  }
  const path = problemsOf({ ...least, TOKENS_FILE: "/nowhere/tokens" }).join("\n");
  assert.match(path, /TOKENS_FILE names a file that cannot be read: \/nowhere\/tokens: ENOENT/);
});

const doubts: readonly (readonly [Environment, RegExp])[] = [
  [{ MAX_CONNECTIONS: "1000" }, /^MAX_CONNECTIONS_PER_ADDRESS is not less than MAX_CONNECTIONS/],
  [{ HMAC_KEYS: "main:short" }, /secret named main has fewer than 16/],
  [{ HMAC_MAX_AGE_MS: "17140999" }, /HMAC_MAX_AGE_MS is shorter/],
  [{ AUTH: "none", HMAC_KEYS: "" }, /AUTH is none/],
  [{ TOKENS: "a:0123456789abcdef" }, /TOKENS is set, and AUTH does not name token/],
  [{ KAFKA_BROKER: "a:1" }, /^KAFKA_BROKER is not a setting; did you mean KAFKA_BROKERS\?$/],
  [{ HMAC_KEY_FILE: "/x" }, /did you mean HMAC_KEYS_FILE/],
  [{ JOURNAL_SOMETHING: "1" }, /^JOURNAL_SOMETHING is not a setting$/],
  [{ JOURNAL_KEYS_FILE: "/x" }, /did you mean JOURNAL_KEY_FILE/],
  [{ JOURNAL_DIR: "none", JOURNAL_KEY: keyLine("a") }, /JOURNAL_KEY is set, and JOURNAL_DIR is none/],
  [{ MAX_INFLIGHT: "1" }, /did you mean MAX_IN_FLIGHT/],
];
for (const [env, expected] of doubts)
  test(`warning: ${JSON.stringify(env)}`, () => {
    const { warnings } = loadedFrom(env);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0] ?? "", expected);
  });

test("neither Kubernetes' variables nor those of every shell are taken for mistyped", () => {
  const names =
    "KAFKA_SERVICE_HOST KAFKA_SERVICE_PORT KAFKA_SERVICE_PORT_CLIENT KAFKA_PORT KAFKA_PORT_9092_TCP";
  const shell = "SCHEMA_REGISTRY_PORT_8081_TCP_ADDR HOME PATH HOSTNAME USER PWD LANG TERM NODE_VERSION TZ";
  const env = Object.fromEntries(`${names} ${shell}`.split(" ").map((name) => [name, "tcp://10.0.0.1:9092"]));
  assert.deepEqual(loadedFrom({ ...env, HMAC_MAX_AGE_MS: "17141000" }).warnings, []);
});

test("never throws, and never shows a secret", () => {
  const names = fc.oneof(fc.constantFrom<string>(...settingNames, "__proto__", "KAFKA_"), fc.string());
  const values = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("none", "0", "true", "a:b", "http://"),
  );
  fc.assert(
    fc.property(fc.dictionary(names, values), (env) => {
      const loaded = loadConfig(env);
      assert.ok(loaded.ok || loaded.problems.length > 0);
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...secretNames), fc.string(), (name, noise) => {
      const loaded = loadConfig({ ...least, [name]: `${noise}Zx9#secret${noise}` });
      assert.ok(!JSON.stringify(loaded.ok ? loaded.warnings : loaded.problems).includes("Zx9#"));
    }),
  );
});

test("every setting has a description for the reference", () => {
  const described = settingNames.filter((name) => /^[^\n]{10,}\.$/.test(String(descriptionOf(name))));
  assert.deepEqual(described, settingNames);
});
const descriptionOf = (name: (typeof settingNames)[number]): unknown =>
  Object.entries(ConfigSchema.properties[name]).find(([keyword]) => keyword === "description")?.[1];
