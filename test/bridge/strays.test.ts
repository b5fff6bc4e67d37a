import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeWithFastavro } from "../support/fastavro.ts";
import { openBridgeProcess, sharedSettings, untilReady } from "../support/openBridge.ts";
import { textOf } from "../support/process.ts";
import { recordsIn, topicsUnder } from "../support/records.ts";
import { hmacSecret, idOf, post, signed } from "../support/sender.ts";

const success = '{"code":"200","msg":"success"}';
const accessCode = "735-access-code";
const downloadUrl = "https://files.example/one-time";

const finished = (id: string): Buffer =>
  Buffer.from(`{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"${id}","envelopeStatus":2}}`);

test("P3, P4: an action that nobody lists goes whole, without its secrets, to the unrecognized topic", async (t) => {
  const settings = sharedSettings();
  const bridge = await openBridgeProcess(t, settings);
  await untilReady(bridge);
  const payload = {
    callBackEnum: "ENVELOPE_UPDATE",
    callBackDesc: "ENVELOPE_TRANSFERRED",
    callBackEnvelopeVO: {
      envelopeId: "e-77",
      toUser: { userName: "取消 – annulé", accessCode },
      files: [{ downloadUrl }],
      count: 3,
    },
  };
  const body = Buffer.from(JSON.stringify(payload));
  const answer = await post(bridge.port, body);
  assert.deepEqual([answer.status, answer.body], [200, success]);

  const records = await recordsIn(settings.KAFKA_BROKERS.split(","), topicsUnder(settings.TOPIC_PREFIX));
  assert.deepEqual(
    records.map(({ topic, key }) => [topic, key]),
    [[`${settings.TOPIC_PREFIX}unrecognized`, "e-77"]],
  );
  const [record] = records;
  assert.ok(record !== undefined);
  assert.equal(record.headers["ce_type"], "com.esignglobal.unrecognized");
  assert.equal(record.headers["ce_subject"], "e-77");
  const [decoded] = await decodeWithFastavro(settings.SCHEMA_REGISTRY_URL, [record.value]);
  assert.ok(decoded !== undefined && typeof decoded.value === "object" && decoded.value !== null);
  assert.ok("body" in decoded.value);
  const { body: kept, ...rest } = decoded.value;
  assert.equal(decoded.schema, "esign.UnrecognizedEvent");
  assert.deepEqual(rest, {
    eventId: idOf(body),
    action: "ENVELOPE_TRANSFERRED",
    dialect: "apps-callback",
    source: "main",
    receivedAt: record.timestamp,
  });
  const masked = JSON.stringify(payload).replace(accessCode, "***").replace(downloadUrl, "***");
  assert.deepEqual(JSON.parse(String(kept)), JSON.parse(masked));
});

test("P3: what can be no record goes to the dead letters, byte by byte, with the reason", async (t) => {
  const settings = sharedSettings();
  const bridge = await openBridgeProcess(t, settings);
  await untilReady(bridge);
  const letters: readonly (readonly [string, string | Buffer])[] = [
    ["not-json", '{"event":"ENVELOPE_FINISH","eventPayload":{'],
    ["not-json", ""],
    ["not-json", Buffer.from([0xff, 0x00, 0xfe, 0x7b])],
    ["not-an-object", '["ENVELOPE_FINISH"]'],
    ["not-an-object", "null"],
    ["no-action", '{"eventPayload":{"envelopeId":"e-1"}}'],
    ["no-id", '{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeStatus":2}}'],
    ["no-id", `{"event":"ENVELOPE_FINISH","eventPayload":{"accessCode":"${accessCode}"}}`],
    ["too-deep", `{"event":"ENVELOPE_FINISH","eventPayload":${"[".repeat(5000)}${"]".repeat(5000)}}`],
  ];
  for (const [reason, text] of letters) {
    const body = Buffer.from(text);
    const answer = await post(bridge.port, body);
    assert.deepEqual([answer.status, answer.body], [200, success], reason);
  }

  const records = await recordsIn(settings.KAFKA_BROKERS.split(","), topicsUnder(settings.TOPIC_PREFIX));
  assert.ok(records.every(({ topic }) => topic === `${settings.TOPIC_PREFIX}dead-letter`));
  const found = new Map(records.map((record) => [record.key, record]));
  for (const [reason, text] of letters) {
    const body = Buffer.from(text);
    const record = found.get(idOf(body));
    assert.ok(record !== undefined, `${reason}: a record whose key is the event id`);
    assert.deepEqual(record.value, body);
    const { "dead-letter-detail": detail, ...headers } = record.headers;
    assert.ok(detail !== undefined && !detail.includes(accessCode));
    assert.deepEqual(headers, {
      ce_specversion: "1.0",
      ce_id: idOf(body),
      ce_source: "/esignglobal/main",
      ce_type: "com.esignglobal.dead-letter",
      ce_time: new Date(record.timestamp).toISOString(),
      ce_subject: idOf(body),
      "content-type": "application/octet-stream",
      "dead-letter-reason": reason,
    });
  }
  assert.equal(records.length, letters.length);
  assert.ok(
    bridge.lines.some(({ level, reason }) => level === 50 && reason === "not-json"),
    "P8: the operator is told",
  );
  assert.ok(!textOf(bridge).includes(accessCode), "P5: nothing secret is logged");
});

test("P5: what is not signed by one of our keys is answered 401 and is in no topic and no log", async (t) => {
  const settings = sharedSettings();
  const bridge = await openBridgeProcess(t, settings);
  await untilReady(bridge);
  const forged = finished("e-forged");
  const good = signed(forged);
  const signature = good["x-tsign-open-signature"] ?? "";
  const flipped = `${signature.slice(0, -1)}${signature.endsWith("0") ? "1" : "0"}`;
  const attempts: readonly (readonly [string, Buffer, Record<string, string>])[] = [
    ["another key", forged, signed(forged, `not ${hmacSecret}`)],
    ["one digit of the signature", forged, { ...good, "x-tsign-open-signature": flipped }],
    ["another body", finished("e-other"), good],
    ["another time", forged, { ...good, "x-tsign-open-timestamp": "1760000000000" }],
    ["no signature", forged, { "x-tsign-open-timestamp": "1760000000000" }],
    ["nothing", forged, {}],
    ["no JSON either", Buffer.from("{"), signed(Buffer.from("{"), "wrong")],
  ];
  for (const [what, sent, headers] of attempts) {
    const answer = await post(bridge.port, sent, headers);
    assert.deepEqual([answer.status, answer.body], [401, '{"code":"401","msg":"unauthenticated"}'], what);
  }

  // Published behind them all: what is not in Kafka by now does not come any more.
  const honest = finished("e-honest");
  assert.equal((await post(bridge.port, honest)).status, 200);
  const records = await recordsIn(settings.KAFKA_BROKERS.split(","), topicsUnder(settings.TOPIC_PREFIX));
  assert.deepEqual(
    records.map(({ headers }) => headers["ce_id"]),
    [idOf(honest)],
  );
  const told = textOf(bridge);
  for (const secret of ["e-forged", "e-other", hmacSecret, signature]) assert.ok(!told.includes(secret));
  const metrics = await bridge.metrics();
  assert.equal(metrics.sum("callbacks_refused_total"), attempts.length, "P8: each is counted");
  assert.equal(metrics.sum("callbacks_received_total"), 1);
});
