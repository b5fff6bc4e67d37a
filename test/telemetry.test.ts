import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { fail } from "../src/core/result.ts";
import { createTelemetry } from "../src/telemetry.ts";
import { parseMetrics } from "./support/metrics.ts";

const opened = () => {
  const lines: string[] = [];
  const time = { now: 1_000_000 };
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  return { lines, time, telemetry: createTelemetry(log, "1.2.3", () => time.now) };
};

test("P8: the first line of a kind is written at once, and the next tells how many were left out", () => {
  const { lines, time, telemetry } = opened();
  for (let i = 0; i < 5; i += 1) telemetry.publishRetried("broker-timeout", 1, "slow");
  telemetry.publishRetried("topic-missing", 1, "gone");
  assert.equal(lines.length, 2);
  time.now += 10_000;
  telemetry.publishRetried("broker-timeout", 1, "slow");
  assert.match(lines[2] ?? "", /"suppressed":4/);
  assert.ok(!(lines[0] ?? "").includes("suppressed"));
});

test("P8: a clock that jumps back does not silence a kind of line", () => {
  const { lines, time, telemetry } = opened();
  telemetry.journalFailed("sync", "EIO");
  time.now -= 3_600_000;
  telemetry.journalFailed("sync", "EIO");
  assert.equal(lines.length, 2);
});

test("P9: what fails for hours is told ever more seldom, and at once when it begins anew", () => {
  const { lines, time, telemetry } = opened();
  const failure = fail("credentials-refused", "Check KAFKA_SASL_PASSWORD");
  for (const end = time.now + 3_600_000; time.now < end; time.now += 5000) {
    telemetry.kafkaNotConnected(failure);
    telemetry.topicsNotPrepared(failure);
  }
  assert.ok(lines.length >= 12 && lines.length <= 20, `${lines.length} lines in an hour`);
  assert.ok(lines.every((line) => line.includes('"level":50') && line.includes("KAFKA_SASL_PASSWORD")));
  const told = lines.length;
  telemetry.kafkaNotConnected(fail("tls-failed", "KAFKA_TLS_CA_FILE"));
  assert.equal(lines.length, told + 1, "another reason is another line");
  telemetry.kafkaConnected();
  telemetry.kafkaConnected();
  telemetry.kafkaNotConnected(failure);
  assert.match(lines.slice(told + 1).join(), /^.*connected to Kafka.*,.*credentials-refused.*$/s);
  assert.equal(lines.length, told + 3);
});

test("P8: a refusal is told with who was refused, as a warning where it may well be the sender", () => {
  const { lines, telemetry } = opened();
  for (const code of ["journal-full", "body-too-large", "encoding-unsupported"] as const) {
    telemetry.callbackRefused(code, () => "192.0.2.1");
    assert.match(lines.pop() ?? "", new RegExp(`"level":40.*"reason":"${code}".*"from":"192.0.2.1"`));
  }
  telemetry.callbackRefused("path-unknown", () => "192.0.2.1");
  assert.match(lines.pop() ?? "", /"level":30.*"reason":"path-unknown","status":404,"from":"192.0.2.1"/);
  telemetry.callbackRefused("closing", () => "192.0.2.1");
  assert.deepEqual(lines, [], "an end in order is no fault");
});

test("gauges of the journal are read when they are asked for, and no age is negative", async () => {
  const { time, telemetry } = opened();
  const status = { pendingRecords: 3, oldestPendingAt: time.now - 2500, bytes: 99 };
  const metrics = parseMetrics(await telemetry.exposition(status));
  assert.equal(metrics.sum("journal_pending_records"), 3);
  assert.equal(metrics.sum("journal_oldest_pending_seconds"), 2.5);
  assert.equal(metrics.sum("journal_bytes"), 99);
  assert.equal(metrics.sum("build_info", { version: "1.2.3" }), 1);
  const ahead = { ...status, oldestPendingAt: time.now + 5000 };
  const later = parseMetrics(await telemetry.exposition(ahead));
  assert.equal(later.sum("journal_oldest_pending_seconds"), 0);
});

const promised =
  "callbacks_received_total callbacks_acknowledged_total callbacks_refused_total callback_reply_seconds publish_seconds records_published_total publish_retries_total dead_letters_total callbacks_in_flight journal_pending_records journal_oldest_pending_seconds journal_bytes journal_sync_seconds journal_failures_total journal_damaged_total lane_parked kafka_connected kafka_reconnects_total registry_failures_total build_info";
test("P8: every metric of the contract is there", async () => {
  const { telemetry } = opened();
  const text = await telemetry.exposition({ pendingRecords: 0, oldestPendingAt: null, bytes: 0 });
  for (const name of promised.split(" ")) assert.ok(text.includes(`# TYPE esign_bridge_${name} `), name);
});

test("P9: of captured deliveries five lines a second are written, made only then, and the next tells how many were left out", () => {
  const { lines, time, telemetry } = opened();
  let made = 0;
  const capture = (): void => telemetry.deliveryCaptured(() => ({ number: (made += 1) }));
  for (let i = 0; i < 1000; i += 1) capture();
  assert.equal(lines.length, 5);
  assert.equal(made, 5);
  time.now += 1000;
  for (let i = 0; i < 3; i += 1) capture();
  assert.equal(lines.length, 8);
  assert.match(lines[5] ?? "", /"number":6,"suppressed":995/);
  assert.ok(!(lines[6] ?? "").includes("suppressed"));
  time.now -= 3_600_000;
  capture();
  assert.equal(lines.length, 9, "a clock that jumps back silences nothing");
});
