import assert from "node:assert/strict";
import { request } from "node:http";
import { test } from "node:test";
import { deadLetterTopic, eventNames } from "../../src/core/catalog.ts";
import { journalSteps } from "../../src/core/journal.ts";
import { failures } from "../../src/core/result.ts";
import { canonicalFixtures } from "../support/fixtures.ts";
import { openBridgeProcess, sharedSettings, untilReady } from "../support/openBridge.ts";
import { recordsIn, topicsUnder } from "../support/records.ts";
import { hmacSecret, post, signed } from "../support/sender.ts";

const bytes = (text: string): Buffer => Buffer.from(text);
const unknown = bytes('{"event":"ENVELOPE_TRANSFERRED","eventPayload":{"envelopeId":"e-unknown"}}');
const broken = bytes('{"event":');
const withoutId = bytes('{"event":"ENVELOPE_FINISH","eventPayload":{}}');

const statusOf = (port: number, method: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, agent: false };
    request(options, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode));
    })
      .once("error", reject)
      .end();
  });

/** Undefined for what the bridge does not choose. */
const allowedValues = (label: string, prefix: string): readonly string[] | undefined => {
  const tables: Readonly<Record<string, readonly string[]>> = {
    source: ["main"],
    event: [...eventNames, deadLetterTopic],
    after: ["published", "stored", "duplicate"],
    outcome: ["published", "stored", "duplicate", "refused"],
    reason: [...Object.keys(failures), ...Object.keys(journalSteps)],
    topic: topicsUnder(prefix),
  };
  return ["le", "version"].includes(label) ? undefined : (tables[label] ?? []);
};

test("P8: after a run through all paths the counters add up, and tell nothing of a payload", async (t) => {
  const settings = { ...sharedSettings(), BODY_LIMIT_BYTES: "8 KiB" };
  const { port, metrics: scrape, ...bridge } = await openBridgeProcess(t, settings);
  await untilReady({ port, metrics: scrape, ...bridge });

  for (const { body } of canonicalFixtures) assert.equal((await post(port, body)).status, 200);
  for (const body of [unknown, broken, withoutId]) assert.equal((await post(port, body)).status, 200);
  const repeated = canonicalFixtures.find(({ action }) => action === "ENVELOPE_FINISH")?.body ?? broken;
  assert.equal((await post(port, repeated)).status, 200);
  const refusals = [
    (await post(port, repeated, signed(repeated, `not ${hmacSecret}`))).status,
    (await post(port, repeated, {})).status,
    (await post(port, Buffer.alloc(9000, 32))).status,
    (await post(port, repeated, { ...signed(repeated), "content-encoding": "gzip" })).status,
    await statusOf(port, "GET", "/callback"),
    await statusOf(port, "POST", "/elsewhere"),
  ];
  assert.deepEqual(refusals, [401, 401, 413, 415, 405, 404]);

  const records = await recordsIn(settings.KAFKA_BROKERS.split(","), topicsUnder(settings.TOPIC_PREFIX));
  const metrics = await scrape();
  const sent = canonicalFixtures.length + 3 + 1;
  assert.equal(metrics.sum("callbacks_received_total", { source: "main" }), sent);
  assert.equal(metrics.sum("callbacks_acknowledged_total"), sent);
  assert.equal(metrics.sum("callbacks_acknowledged_total", { after: "duplicate" }), 1);
  assert.equal(metrics.sum("callbacks_refused_total"), refusals.length);
  assert.equal(metrics.sum("records_published_total"), sent - 1);
  assert.equal(metrics.sum("records_published_total"), records.length);
  for (const topic of topicsUnder(settings.TOPIC_PREFIX)) {
    const inTopic = records.filter((record) => record.topic === topic).length;
    assert.equal(metrics.sum("records_published_total", { topic }), inTopic, topic);
  }
  assert.equal(metrics.sum("dead_letters_total"), 2);
  assert.equal(metrics.sum("dead_letters_total", { reason: "not-json" }), 1);
  assert.equal(metrics.sum("dead_letters_total", { reason: "no-id" }), 1);
  assert.equal(metrics.sum("callback_reply_seconds_count"), sent + refusals.length);
  assert.equal(metrics.sum("callback_reply_seconds_count", { outcome: "published" }), sent - 1);
  assert.equal(metrics.sum("publish_seconds_count"), sent - 1);
  assert.equal(metrics.sum("callbacks_in_flight"), 0);
  assert.equal(metrics.sum("journal_pending_records"), 0);
  assert.equal(metrics.sum("kafka_connected"), 1);
  for (const quiet of ["publish_retries_total", "kafka_reconnects_total", "registry_failures_total"])
    assert.equal(metrics.sum(quiet), 0, quiet);

  const strange = metrics.samples
    .filter(({ name }) => name.startsWith("esign_bridge_"))
    .flatMap(({ name, labels }) => Object.entries(labels).map(([label, value]) => ({ name, label, value })))
    .filter(({ label, value }) => allowedValues(label, settings.TOPIC_PREFIX)?.includes(value) === false);
  assert.deepEqual(strange, [], "P9: label values come from our own tables");
});
