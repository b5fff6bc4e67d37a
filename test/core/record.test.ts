import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { readCallback } from "../../src/core/callback.ts";
import { catalog, topicOf } from "../../src/core/catalog.ts";
import type { Arrival } from "../../src/core/journal.ts";
import { createRecordEncoder, eventIdOf, type RecordRules } from "../../src/core/record.ts";
import { canonicalFixtures, schemaTypes, variantFixtures } from "../support/fixtures.ts";

const receivedAt = 1_713_508_339_505;
const arrivalWith = (body: Buffer, source: string | null = "main"): Arrival => ({
  eventId: eventIdOf(body),
  receivedAt,
  source,
  body,
  deadLetter: null,
});
const rules: RecordRules = {
  topicPrefix: "esign.",
  sensitive: "mask",
  types: schemaTypes,
  schemaIdOf: () => 7,
};
const encoded = (arrival: Arrival, more: Partial<RecordRules> = {}) => {
  const result = createRecordEncoder({ ...rules, ...more })(arrival);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
};
const textsOf = (headers: Readonly<Record<string, string | Buffer>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value.toString()]));

test("P7: the event id is the first 16 bytes of SHA-256 over the raw body", () => {
  const body = Buffer.from('{"a":1}');
  assert.equal(eventIdOf(body), createHash("sha256").update(body).digest().subarray(0, 16).toString("hex"));
  assert.notEqual(eventIdOf(Buffer.from('{"a": 1}')), eventIdOf(body));
});

for (const { dialect, action, variant, body } of [...canonicalFixtures, ...variantFixtures])
  test(`P4: ${dialect} ${action} ${variant}: topic, key, headers and framed Avro`, () => {
    const callback = readCallback(body, "mask");
    assert.ok(callback.ok);
    const { event, key, fields } = callback.value;
    const { record, letter, once, event: named } = encoded(arrivalWith(body));
    assert.deepEqual([named, letter, once], [event, null, catalog[event].once]);
    assert.equal(record.topic, topicOf(event, "esign."));
    assert.equal(record.key, key);
    assert.equal(record.timestamp, receivedAt);
    assert.deepEqual(textsOf(record.headers), {
      ce_specversion: "1.0",
      ce_id: eventIdOf(body),
      ce_source: "/esignglobal/main",
      ce_type: `com.esignglobal.${catalog[event].topic}`,
      ce_time: "2024-04-19T06:32:19.505Z",
      ce_subject: key,
      "content-type": "application/avro",
    });
    assert.deepEqual([...record.value.subarray(0, 5)], [0, 0, 0, 0, 7]);
    const type = schemaTypes[catalog[event].schema];
    const common = { eventId: eventIdOf(body), dialect, source: "main", receivedAt };
    assert.deepEqual(
      JSON.parse(JSON.stringify(type.fromBuffer(record.value.subarray(5)))),
      JSON.parse(JSON.stringify({ ...common, action: callback.value.action, ...fields })),
    );
  });

test("without a source or a key, their headers name none", () => {
  const body = Buffer.from('{"event":"NEWS"}');
  const { record, event } = encoded(arrivalWith(body, null));
  assert.equal(event, "unrecognized");
  assert.equal(record.key, null);
  const headers = textsOf(record.headers);
  assert.equal(headers["ce_source"], "/esignglobal");
  assert.ok(!("ce_subject" in headers));
});

for (const [text, reason] of [
  ["no JSON, s3cret", "not-json"],
  ["[]", "not-an-object"],
  ["{}", "no-action"],
  ['{"event":"ENVELOPE_FINISH","eventPayload":{}}', "no-id"],
] as const)
  test(`P3: ${reason} goes to the dead letters with its bytes as they came`, () => {
    const body = Buffer.from(text);
    const { record, letter, event, once } = encoded(arrivalWith(body));
    assert.deepEqual([event, letter?.reason, once], ["dead-letter", reason, false]);
    assert.equal(record.topic, "esign.dead-letter");
    assert.equal(record.key, eventIdOf(body));
    assert.ok(record.value.equals(body));
    const headers = textsOf(record.headers);
    assert.equal(headers["ce_type"], "com.esignglobal.dead-letter");
    assert.equal(headers["content-type"], "application/octet-stream");
    assert.equal(headers["dead-letter-reason"], reason);
    assert.ok(!(headers["dead-letter-detail"] ?? "s3cret").includes("s3cret"));
    assert.ok(!("dead-letter-topic" in headers));
  });

const finish = Buffer.from('{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e-1"}}');
test("P4: a value that does not fit its schema goes to the dead letters, with the topic it was for", () => {
  // A schema that asks for more than the bridge knows.
  const types = { ...schemaTypes, "envelope-event": schemaTypes["template-fill-result"] };
  const { record } = encoded(arrivalWith(finish), { types });
  const headers = textsOf(record.headers);
  assert.ok(record.value.equals(finish));
  assert.equal(headers["dead-letter-reason"], "value-unencodable");
  assert.equal(headers["dead-letter-topic"], "esign.envelope.finished");
  assert.equal(headers["dead-letter-detail"], "taskId");
});

test("P3: what the relay gave up goes to the dead letters, whatever its body says", () => {
  const deadLetter = { reason: "record-too-large", detail: "big", topic: "esign.envelope.finished" } as const;
  const { record, letter } = encoded({ ...arrivalWith(finish), deadLetter });
  assert.deepEqual(letter, deadLetter);
  assert.equal(record.topic, "esign.dead-letter");
  assert.equal(textsOf(record.headers)["dead-letter-reason"], "record-too-large");
});

test("P4: without a schema id there is no record; the dead letters need none", () => {
  const encode = createRecordEncoder({ ...rules, schemaIdOf: () => undefined });
  const missing = encode(arrivalWith(finish));
  assert.deepEqual(missing, { ok: false, code: "schema-id-missing", detail: "esign.envelope.finished" });
  assert.ok(encode(arrivalWith(Buffer.from("{"))).ok);
});
