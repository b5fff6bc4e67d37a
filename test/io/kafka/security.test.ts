import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test, type TestContext } from "node:test";
import { pino } from "pino";
import type { Failure } from "../../../src/core/result.ts";
import type { KafkaSettings } from "../../../src/io/kafka/client.ts";
import { openKafkaSink } from "../../../src/io/kafka/sink.ts";
import { prepareTopics } from "../../../src/io/kafka/topics.ts";
import { type Authority, type Certificate, openAuthority } from "../../support/authority.ts";
import { eventually } from "../../support/eventually.ts";
import { recordOf } from "../../support/proxiedKafka.ts";
import { recordsIn } from "../../support/records.ts";
import { freshTopic, kafkaPassword, type SecureKafka, startSecureKafka } from "../../support/secureKafka.ts";

const parts = new AsyncDisposableStack();
let ours: Authority;
let others: Authority;
let kafka: SecureKafka;
before(async () => {
  ours = parts.use(await openAuthority("ours"));
  others = parts.use(await openAuthority("others"));
  kafka = parts.use(await startSecureKafka(ours));
});
after(() => parts.disposeAsync());

const log = pino({ level: "silent" });
const textOf = (file: string): string => readFileSync(file, "utf8");
const pair = ({ certFile, keyFile }: Certificate) => ({ cert: textOf(certFile), key: textOf(keyFile) });
const login = (
  mechanism: "plain" | "scram-sha-256" | "scram-sha-512",
  [username, password]: readonly [string, string] = ["bridge", kafkaPassword],
) => ({ mechanism, username, password });

type Settings = Partial<KafkaSettings> & { readonly at: string };
/** Comes to the listener for logins over TLS unless told otherwise. */
const settingsOf = ({ at, ...settings }: Settings): KafkaSettings => ({
  brokers: [at],
  clientId: "security-test",
  tls: { ca: textOf(ours.caFile) },
  sasl: null,
  ...settings,
});

const openSink = (t: TestContext, settings: Settings) => {
  const failures: Failure[] = [];
  const sink = openKafkaSink({
    kafka: settingsOf(settings),
    log,
    telemetry: {
      kafkaConnected: () => {},
      kafkaNotConnected: (failure) => void failures.push(failure),
      kafkaReconnected: () => {},
    },
  });
  t.after(() => sink[Symbol.asyncDispose]());
  return { sink, failures };
};

const ways: Readonly<Record<string, () => Settings | Promise<Settings>>> = {
  "SASL PLAIN over TLS": () => ({ at: kafka.sasl, sasl: login("plain") }),
  "SCRAM-SHA-256 over TLS": () => ({ at: kafka.sasl, sasl: login("scram-sha-256") }),
  "SCRAM-SHA-512 over TLS": () => ({ at: kafka.sasl, sasl: login("scram-sha-512") }),
  "a client certificate": async () => ({
    at: kafka.mutual,
    tls: { ca: textOf(ours.caFile), ...pair(await ours.issue("bridge")) },
  }),
};
for (const [way, settings] of Object.entries(ways))
  test(`P1: records reach a real broker by ${way}`, async (t) => {
    const topic = await kafka.createTopic();
    const { sink } = openSink(t, await settings());
    assert.deepEqual(await sink.send([recordOf(topic, "key", "e-1")]), [
      { ok: true, value: { partition: 0 } },
    ]);
    const [record] = await recordsIn([kafka.internal], [topic]);
    assert.equal(record?.value.toString(), "e-1");
  });

type Fault = {
  readonly settings: () => Settings | Promise<Settings>;
  readonly code: string;
  readonly says: RegExp;
};
const mutual = (certificate: Certificate): Settings => ({
  at: kafka.mutual,
  tls: { ca: textOf(ours.caFile), ...pair(certificate) },
});
const ofLogin = (mechanism: Parameters<typeof login>[0], username = "bridge"): Fault => ({
  settings: () => ({ at: kafka.sasl, sasl: login(mechanism, [username, "wrong-secret"]) }),
  code: "credentials-refused",
  says: new RegExp(`Check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD, .*=${mechanism}$`),
});
const faults: Readonly<Record<string, Fault>> = {
  "a wrong password for PLAIN": ofLogin("plain"),
  "a wrong password for SCRAM-SHA-256": ofLogin("scram-sha-256"),
  "a wrong password for SCRAM-SHA-512": ofLogin("scram-sha-512"),
  "an unknown user": ofLogin("scram-sha-512", "who"),
  "a login where none is taken": {
    settings: () => ({ at: kafka.plaintext, tls: null, sasl: login("plain") }),
    code: "credentials-refused",
    says: /takes no login: set KAFKA_SASL_MECHANISM=none/,
  },
  "no login where one is wanted": {
    settings: () => ({ at: kafka.sasl }),
    code: "broker-unavailable",
    says: /may want a login: set KAFKA_SASL_MECHANISM$/,
  },
  "a user without rights": {
    settings: () => ({ at: kafka.sasl, sasl: login("plain", ["nobody", kafkaPassword]) }),
    code: "credentials-refused",
    says: /user may not write: allow it WRITE and DESCRIBE on the topics under TOPIC_PREFIX$/,
  },
  "the authority of another": {
    settings: () => ({ at: kafka.sasl, tls: { ca: textOf(others.caFile) }, sasl: login("plain") }),
    code: "tls-failed",
    says: /not signed by the authority in KAFKA_TLS_CA_FILE/,
  },
  "no authority": {
    settings: () => ({ at: kafka.sasl, tls: {}, sasl: login("plain") }),
    code: "tls-failed",
    says: /Set KAFKA_TLS_CA_FILE to the certificate of the authority/,
  },
  "a broker's certificate that has expired": {
    settings: () => ({ at: kafka.expired }),
    code: "tls-failed",
    says: /certificate has expired\. Renew the broker's certificate, .*KAFKA_TLS_CA_FILE/,
  },
  "a broker's certificate for another host": {
    settings: () => ({ at: kafka.elsewhere }),
    code: "tls-failed",
    says: /Use a name in KAFKA_BROKERS, .*that the certificate holds$/,
  },
  "no client certificate": {
    settings: () => ({ at: kafka.mutual }),
    code: "tls-failed",
    says: /wants a client certificate: set KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE$/,
  },
  "a client certificate of another authority": {
    settings: async () => mutual(await others.issue("bridge")),
    code: "tls-failed",
    says: /refuses the certificate in KAFKA_TLS_CERT_FILE/,
  },
  "a client certificate that has expired": {
    settings: async () => mutual(await ours.issue("bridge", "expired")),
    code: "tls-failed",
    says: /KAFKA_TLS_CERT_FILE has expired \(Feb .*2020 GMT\): renew it$/,
  },
  "no TLS at a port of TLS": {
    settings: () => ({ at: kafka.mutual, tls: null }),
    code: "broker-unavailable",
    says: /may want TLS: set KAFKA_TLS=true$/,
  },
  "TLS at a port without": {
    settings: () => ({ at: kafka.plaintext }),
    code: "broker-unavailable",
    says: /may speak no TLS: .*set KAFKA_TLS=false$/,
  },
};
for (const [name, { settings, code, says }] of Object.entries(faults))
  test(`P5, P8: ${name}: each try fails with one line that names the setting, and shows no password`, async (t) => {
    const { sink, failures } = openSink(t, await settings());
    // A machine that is held up may take too long for one.
    const inTime = () => failures.filter((failure) => failure.code !== "broker-timeout");
    await eventually(() => inTime().length >= 2);
    for (const failure of inTime()) {
      assert.equal(failure.code, code, failure.detail);
      assert.match(failure.detail, says);
      assert.doesNotMatch(failure.detail, /\n|wrong-secret|kafka-secret/);
    }
    assert.equal(sink.connected(), false);
    t.diagnostic(inTime()[0]?.detail ?? "");
  });

const prepareAs = (username: string, mode: "create" | "verify", topics: readonly [string, string]) => {
  const settings = settingsOf({ at: kafka.sasl, sasl: login("plain", [username, kafkaPassword]) });
  const rules = { deadLetterTopic: topics[1], deadLetterBytes: 1_000_000, partitions: 1, replication: -1 };
  return prepareTopics(settings, log, { mode, topics, ...rules });
};

test("P3, P10: a user that may only publish does so, and what it may not see is said to be unchecked", async (t) => {
  const topics = [freshTopic("writable-"), freshTopic("writable-")] as const;
  for (const topic of topics) await kafka.createTopic(topic);
  const prepared = await prepareAs("writer", "create", topics);
  assert.ok(prepared.ok, "topics were not prepared");
  // The broker names them in any order.
  assert.deepEqual(
    { ...prepared.value, singleCopy: prepared.value.singleCopy.toSorted() },
    {
      created: [],
      missing: [],
      singleCopy: [...topics].toSorted(),
      settingsHidden: true,
      deadLetterLimit: null,
    },
  );
  const forbidden = await kafka.createTopic();
  const { sink } = openSink(t, { at: kafka.sasl, sasl: login("plain", ["writer", kafkaPassword]) });
  const [allowed, refused] = await sink.send([recordOf(topics[0], "k", "a"), recordOf(forbidden, "k", "b")]);
  assert.equal(allowed?.ok, true, JSON.stringify(allowed));
  assert.ok(refused !== undefined && !refused.ok);
  assert.equal(refused.code, "topic-unauthorized");
  assert.match(refused.detail, /Allow the bridge's user WRITE and DESCRIBE on the topic/);
});

test("P8: topics that the user may not make, or not see, are told as such", async () => {
  const topics = [freshTopic("writable-"), freshTopic("writable-")] as const;
  const made = await prepareAs("writer", "create", topics);
  assert.ok(!made.ok);
  assert.equal(made.code, "topic-unauthorized");
  assert.match(made.detail, /CREATE if TOPICS=create$/);
  const seen = await prepareAs("nobody", "verify", topics);
  assert.deepEqual(seen.ok && seen.value.missing, topics);
});
