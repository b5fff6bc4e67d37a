import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBridgeProcess, sharedSettings } from "../support/openBridge.ts";
import { type EndedProcess, runBridgeProcess, textOf } from "../support/process.ts";

const secret = "this-must-never-be-shown";

const good = { ...sharedSettings(), JOURNAL_DIR: "none" };

/** Two ports that are taken: a bridge that tried to listen there would say so. */
const taken: Server[] = [];
const ports = { PORT: "", ADMIN_PORT: "" };

before(async () => {
  for (const name of ["PORT", "ADMIN_PORT"] as const) {
    const server = createServer().listen(0, "127.0.0.1");
    taken.push(server);
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    ports[name] = String(address.port);
  }
});
after(() => taken.forEach((server) => server.close()));

const assertRefused = ({ code, lines, errors }: EndedProcess): void => {
  const told = textOf({ lines, errors });
  assert.equal(code, 1, told);
  assert.deepEqual(lines, [], "nothing was opened, connected or listened on");
  assert.ok(!told.includes(secret), "P5: no secret is shown");
  assert.ok(!told.includes("EADDRINUSE") && !told.includes("    at "), told);
};

type Fault = {
  readonly kind: string;
  /** Null: left out. */
  readonly env: Readonly<Record<string, string | null>>;
  /** How its one line begins. */
  readonly says: string;
};

const faults: readonly Fault[] = [
  { kind: "a missing one", env: { KAFKA_BROKERS: null }, says: "KAFKA_BROKERS is required: host:port" },
  { kind: "no word on who may call", env: { AUTH: null }, says: "AUTH is required: hmac (signature" },
  { kind: "an unknown word", env: { AUTH: "digest" }, says: 'AUTH ("digest") names an unknown method' },
  {
    kind: "a word of no list",
    env: { TOPICS: "maybe" },
    says: 'TOPICS ("maybe") is not allowed: one of create, verify',
  },
  {
    kind: "a number out of range",
    env: { REPLY_DEADLINE_MS: "5000" },
    says: 'REPLY_DEADLINE_MS ("5000") is not allowed: a whole number from 100 to 4500',
  },
  { kind: "no number", env: { MAX_IN_FLIGHT: "many" }, says: 'MAX_IN_FLIGHT ("many") is not allowed' },
  { kind: "neither true nor false", env: { KAFKA_TLS: "yes" }, says: 'KAFKA_TLS ("yes") is not allowed' },
  { kind: "a size", env: { BODY_LIMIT_BYTES: "big" }, says: 'BODY_LIMIT_BYTES ("big") is not a size' },
  { kind: "a duration", env: { DEDUPE_WINDOW: "long" }, says: 'DEDUPE_WINDOW ("long") is not a duration' },
  {
    kind: "an address with a password",
    env: { SCHEMA_REGISTRY_URL: `http://user:${secret}@registry` },
    says: "SCHEMA_REGISTRY_URL holds credentials",
  },
  {
    kind: "a secret without a name",
    env: { HMAC_KEYS: secret },
    says: "HMAC_KEYS is wrong in entry 1, which has no ':'",
  },
  {
    kind: "one that another needs",
    env: { AUTH: "hmac,token" },
    says: "TOKENS is required by AUTH=token",
  },
  {
    kind: "two that contradict each other",
    env: { ACK_AFTER: "stored" },
    says: "ACK_AFTER=stored needs a journal on disk",
  },
  {
    kind: "a file that is not there",
    env: { KAFKA_TLS: "true", KAFKA_TLS_CA_FILE: "/nowhere/ca.pem" },
    says: "KAFKA_TLS_CA_FILE names a file that cannot be read: /nowhere/ca.pem",
  },
  {
    kind: "a secret given twice",
    env: {
      KAFKA_SASL_MECHANISM: "plain",
      KAFKA_SASL_USERNAME: "bridge",
      KAFKA_SASL_PASSWORD: secret,
      KAFKA_SASL_PASSWORD_FILE: join(import.meta.dirname, "settings.test.ts"),
    },
    says: "KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE are both set",
  },
];

const merged = (changes: readonly Fault["env"][]): Record<string, string> => {
  const all: Record<string, string | null> = Object.assign({}, good, ports, ...changes);
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
  );
};

for (const { kind, env, says } of faults) {
  test(`a bad setting (${kind}) ends the start with one clear line and exit code 1`, async () => {
    const ended = await runBridgeProcess(merged([env]));
    assertRefused(ended);
    const [title, fault = "", ...more] = ended.errors;
    assert.equal(title, "esign-kafka-bridge does not start: 1 fault(s) in the settings");
    assert.deepEqual(more, []);
    assert.ok(fault.trim().startsWith(says), fault);
    assert.match(fault, /for example|unset one|no such file/);
  });
}

test("all bad settings are told at once, one line each", async () => {
  // Of those that change the same setting, the first.
  const changed = new Set<string>();
  const apart = faults.filter(({ env }) => {
    const names = Object.keys(env);
    const free = names.every((name) => !changed.has(name));
    for (const name of names) changed.add(name);
    return free;
  });
  assert.ok(apart.length > 8);
  const ended = await runBridgeProcess(merged(apart.map(({ env }) => env)));
  assertRefused(ended);
  const [, ...told] = ended.errors;
  assert.equal(told.length, apart.length, textOf(ended));
  for (const { says } of apart)
    assert.equal(told.filter((line) => line.trim().startsWith(says)).length, 1, `${says}\n${textOf(ended)}`);
});

test("P5: without authentication the bridge starts only when told so, and warns at each start", async (t) => {
  for (let start = 0; start < 2; start += 1) {
    const bridge = await openBridgeProcess(t, { ...good, AUTH: "none" });
    const warning = bridge.lines.find(
      ({ level, msg }) => level === 40 && String(msg).startsWith("AUTH is none"),
    );
    assert.match(String(warning?.["msg"]), /whoever reaches the port can publish events; use AUTH=hmac/);
    assert.equal(await bridge.end("SIGTERM"), 0);
  }
});

test("a mistyped setting is named, with the one that was probably meant", async (t) => {
  const bridge = await openBridgeProcess(t, { ...good, KAFKA_BROKER: "elsewhere:9092" });
  assert.ok(
    bridge.lines.some(
      ({ level, msg }) =>
        level === 40 && msg === "KAFKA_BROKER is not a setting; did you mean KAFKA_BROKERS?",
    ),
    textOf(bridge),
  );
});
