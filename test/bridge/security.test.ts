import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import type { LocalRegistry } from "../../local/registry.ts";
import { type Authority, openAuthority } from "../support/authority.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openBridgeProcess, untilReady } from "../support/openBridge.ts";
import { type BridgeProcess, textOf } from "../support/process.ts";
import { recordsIn, topicsUnder } from "../support/records.ts";
import { kafkaPassword, type SecureKafka, startSecureKafka } from "../support/secureKafka.ts";
import { registryPassword, startSecureRegistry } from "../support/secureRegistry.ts";
import { hmacSettings, idOf, post } from "../support/sender.ts";
import { freshPrefix } from "../support/stack.ts";

const parts = new AsyncDisposableStack();
let authority: Authority;
let kafka: SecureKafka;
let registry: LocalRegistry;
before(async () => {
  authority = parts.use(await openAuthority("ours"));
  kafka = parts.use(await startSecureKafka(authority));
  registry = parts.use(await startSecureRegistry(authority));
});
after(() => parts.disposeAsync());

const finished = (id: string): Buffer =>
  Buffer.from(`{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"${id}","envelopeStatus":2}}`);

const secureSettings = async (t: TestContext) => ({
  ...hmacSettings,
  JOURNAL_DIR: await newDirectory(t),
  TOPIC_PREFIX: freshPrefix(),
  KAFKA_BROKERS: kafka.sasl,
  KAFKA_TLS: "true",
  KAFKA_TLS_CA_FILE: authority.caFile,
  KAFKA_SASL_MECHANISM: "scram-sha-512",
  KAFKA_SASL_USERNAME: "bridge",
  KAFKA_SASL_PASSWORD: kafkaPassword,
  SCHEMA_REGISTRY_URL: registry.url,
  SCHEMA_REGISTRY_USERNAME: "bridge",
  SCHEMA_REGISTRY_PASSWORD: registryPassword,
  SCHEMA_REGISTRY_CA_FILE: authority.caFile,
});

const arrived = (prefix: string, body: Buffer): Promise<boolean> =>
  eventually(
    async () => {
      const records = await recordsIn([kafka.internal], topicsUnder(prefix));
      assert.deepEqual(
        records.map(({ headers }) => headers["ce_id"]),
        [idOf(body)],
      );
      return records.every(({ value }) => value[0] === 0 && value.readInt32BE(1) > 0);
    },
    { withinMs: 30_000 },
  );

/** Warnings and worse, each with what an operator reads. */
const complaintsOf = ({ lines }: BridgeProcess): readonly string[] =>
  lines
    .filter(({ level }) => Number(level) >= 40)
    .map(({ level, reason, detail }) => `${String(level)} ${String(reason)} ${String(detail)}`);

test("P1, P5: a signed callback arrives by a broker with SASL over TLS and a registry with Basic over TLS, by secrets from files", async (t) => {
  const folder = await newDirectory(t);
  const { KAFKA_SASL_PASSWORD, SCHEMA_REGISTRY_PASSWORD, ...settings } = await secureSettings(t);
  await writeFile(join(folder, "kafka"), `${KAFKA_SASL_PASSWORD}\n`);
  await writeFile(join(folder, "registry"), `${SCHEMA_REGISTRY_PASSWORD}\n`);
  const bridge = await openBridgeProcess(t, {
    ...settings,
    KAFKA_SASL_PASSWORD_FILE: join(folder, "kafka"),
    SCHEMA_REGISTRY_PASSWORD_FILE: join(folder, "registry"),
  });
  await untilReady(bridge);
  const body = finished("e-secure");
  assert.equal((await post(bridge.port, body)).status, 200);
  await arrived(settings.TOPIC_PREFIX, body);
  assert.doesNotMatch(textOf(bridge), /kafka-secret|registry-secret/);
});

test("P1, P8: with wrong passwords a disk journal goes on accepting, one line for each names the setting, and the right ones deliver", async (t) => {
  const settings = await secureSettings(t);
  const wrong = { KAFKA_SASL_PASSWORD: "wrong-kafka", SCHEMA_REGISTRY_PASSWORD: "wrong-registry" };
  const bridge = await openBridgeProcess(t, { ...settings, ...wrong });
  const refusals = async () =>
    (await bridge.metrics()).sum("registry_failures_total", { reason: "registry-refused" });
  await eventually(async () => (await refusals()) >= 4, { withinMs: 30_000 });
  await eventually(() => complaintsOf(bridge).some((line) => line.includes("credentials-refused")));
  const body = finished("e-kept");
  assert.equal((await post(bridge.port, body)).status, 200);
  assert.equal((await bridge.ready()).status, 200);
  const complaints = complaintsOf(bridge).toSorted();
  assert.equal(complaints.length, 2, textOf(bridge));
  assert.match(
    complaints[0] ?? "",
    /^50 credentials-refused .*Check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/,
  );
  assert.match(
    complaints[1] ?? "",
    /^50 registry-refused .*Check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASS/,
  );
  assert.doesNotMatch(textOf(bridge), /wrong-kafka|wrong-registry/);
  assert.equal(await bridge.end("SIGTERM"), 0);

  await openBridgeProcess(t, settings);
  await arrived(settings.TOPIC_PREFIX, body);
});

test("P3: a user without rights is told so, and what was accepted arrives as soon as it has them, without a restart", async (t) => {
  const settings = { ...(await secureSettings(t)), KAFKA_SASL_USERNAME: "nobody", TOPICS: "verify" };
  for (const topic of topicsUnder(settings.TOPIC_PREFIX)) await kafka.createTopic(topic);
  const bridge = await openBridgeProcess(t, settings);
  await eventually(() => complaintsOf(bridge).some((line) => /allow it WRITE and DESCRIBE on/.test(line)));
  const body = finished("e-forbidden");
  assert.equal((await post(bridge.port, body)).status, 200);
  await kafka.allow("nobody", settings.TOPIC_PREFIX);
  await arrived(settings.TOPIC_PREFIX, body);
});

test("P2: without a disk a refused password leaves the bridge running, not ready, and answering 503", async (t) => {
  const settings = { ...(await secureSettings(t)), JOURNAL_DIR: "none", SCHEMA_REGISTRY_PASSWORD: "wrong" };
  const bridge = await openBridgeProcess(t, { ...settings, REPLY_DEADLINE_MS: "300" });
  await eventually(() => complaintsOf(bridge).some((line) => line.startsWith("50 registry-refused ")));
  assert.equal((await bridge.ready()).status, 503);
  assert.equal((await post(bridge.port, finished("e-refused"))).status, 503);
});
