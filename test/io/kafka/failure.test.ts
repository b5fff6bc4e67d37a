import assert from "node:assert/strict";
import { test } from "node:test";
import { fail } from "../../../src/core/result.ts";
import { toConnectFailure, toSinkFailure } from "../../../src/io/kafka/failure.ts";

const named = (name: string, message: string, extra: object = {}): Error =>
  Object.assign(new Error(message), { name, ...extra });
const settings = { brokers: ["b:1"], clientId: "test", tls: {}, sasl: null };

test("P10: a leader that is not among the brokers concerns its topic, and not the cluster", () => {
  const cause = named("KafkaJSBrokerNotFound", "Broker 2 not found in the cached metadata");
  const error = named("KafkaJSNumberOfRetriesExceeded", cause.message, { cause });
  assert.deepEqual(toSinkFailure(error), fail("leader-unavailable", cause.message));
});

test("of the errors of several topics the first counts that is one: a topic that another bridge made meanwhile is none", () => {
  const error = named("KafkaJSAggregateError", "Topic creation errors", {
    errors: [
      named("KafkaJSCreateTopicError", "there already", { code: 36 }),
      named("KafkaJSCreateTopicError", "Topic authorization failed", { code: 29 }),
    ],
  });
  const { code, detail } = toSinkFailure(error);
  assert.equal(code, "topic-unauthorized");
  assert.match(detail, /^Topic authorization failed\. Allow/);
});

// As Node 20 to 24 and OpenSSL 1.1 to 3.5 say it.
const alerts: readonly (readonly [code: string, message: string])[] = [
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "1:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad"],
  [
    "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE",
    "1:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad:x",
  ],
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "1:error:0A00045C:SSL routines:ssl3_read_bytes:required:x.c:1:\n",
  ],
  [
    "EPROTO",
    "write EPROTO 1:error:0A000410:SSL routines:ssl3_read_bytes:handshake failure:rec.c:9:SSL alert 40\n",
  ],
];
for (const [code, message] of alerts)
  test(`P8: an alert that is called ${code} means the client certificate`, () => {
    const cause = named("KafkaJSConnectionError", message, { code, broker: "b:1" });
    const error = named("KafkaJSNumberOfRetriesExceeded", message, { cause });
    const failure = toConnectFailure(error, settings);
    assert.equal(failure.code, "tls-failed");
    assert.match(
      failure.detail,
      /^b:1: [^:\n]+\. The broker wants a client certificate: set KAFKA_TLS_CERT_FILE/,
    );
  });

test("what is unknown means that no broker can be reached, in its own words", () => {
  assert.deepEqual(toConnectFailure(new Error("odd"), settings), fail("broker-unavailable", "odd"));
  assert.deepEqual(toConnectFailure("odd", settings), fail("broker-unavailable", "odd"));
});
