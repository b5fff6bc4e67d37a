import assert from "node:assert/strict";
import { test } from "node:test";
import { readCallback } from "../../src/core/callback.ts";
import { apps, bytesOf, codeOf, envelopeOf, filled, leftOf, read, webhook } from "../support/callbacks.ts";
import { canonicalFixtures, throughAvro, toRecord, valueOf, variantFixtures } from "../support/fixtures.ts";

for (const { dialect, action, variant, body, expected } of [...canonicalFixtures, ...variantFixtures]) {
  test(`P4: ${dialect} ${action} ${variant} becomes the expected record`, () => {
    const callback = read(body.toString());
    assert.deepEqual(toRecord(callback), expected);
    assert.deepEqual(throughAvro(callback), valueOf(callback));
  });
}

test("P3: bytes that are no JSON are told apart from JSON that is no object", () => {
  for (const body of ["", " ", "{", "{'a':1}", "<xml/>", "\uFEFF\uFEFF{}", '{"a":NaN}']) {
    assert.equal(codeOf(body), "not-json", JSON.stringify(body));
  }
  for (const body of ["null", "true", "1", '"text"', "[]", "[{},{}]", "[1]", '"{"']) {
    assert.equal(codeOf(body), "not-an-object", body);
  }
});

test("P3: bytes that are no UTF-8 are no JSON", () => {
  const latin1 = Buffer.from('{"event":"é"}', "latin1");
  const failure = readCallback(latin1, "mask");
  assert.ok(!failure.ok && failure.code === "not-json");
});

test("P5: a failure says nothing of the payload", () => {
  const failure = readCallback(Buffer.from('{"accessCode":"482913",}'), "mask");
  assert.ok(!failure.ok && !failure.detail.includes("4829"));
});

test("a byte order mark, an array of one and JSON within JSON are looked through", () => {
  const payload = webhook("ENVELOPE_START", {});
  for (const body of [
    `\uFEFF${JSON.stringify(payload)}`,
    JSON.stringify([payload]),
    JSON.stringify(JSON.stringify(payload)),
    JSON.stringify([JSON.stringify(JSON.stringify(payload))]),
  ]) {
    const { event, key } = read(body);
    assert.deepEqual([event, key], ["envelope-started", "e-1"]);
    assert.equal(envelopeOf(body).unmapped, null);
  }
});

test("the whole callback may be wrapped", () => {
  for (const inner of [apps("ENVELOPE_START", {}), webhook("ENVELOPE_START", {})]) {
    for (const payload of [{ data: inner }, { a: { b: [inner] } }, { data: JSON.stringify(inner) }]) {
      const { event, key } = read(payload);
      assert.deepEqual([event, key], ["envelope-started", "e-1"]);
      assert.equal(envelopeOf(payload).unmapped, null);
    }
  }
  const unknown = read({ data: { event: "ENVELOPE_NEW", eventPayload: { envelopeId: "e-1" } } });
  assert.deepEqual([unknown.event, unknown.action, unknown.key], ["unrecognized", "ENVELOPE_NEW", "e-1"]);
});

test("an event of something else inside a callback without an action is not its action", () => {
  assert.equal(codeOf({ callBackEnvelopeVO: { envelopeId: "e-1", log: { event: "clicked" } } }), "no-action");
});

test("the action is the first text that names a known one, whatever the other says", () => {
  const swapped = { callBackEnum: "ENVELOPE_FINISH", callBackDesc: "ENVELOPE_UPDATE" };
  const { event, action, dialect } = read({ ...swapped, callBackEnvelopeVO: { envelopeId: "e-1" } });
  assert.deepEqual([event, action, dialect], ["envelope-finished", "ENVELOPE_FINISH", "apps-callback"]);
  const left = leftOf(envelopeOf({ ...swapped, envelopeId: "e-1" }));
  assert.deepEqual(left, { callBackDesc: "ENVELOPE_UPDATE" });
});

test("P4: the action is kept as the vendor wrote it, in whatever spelling of the keys", () => {
  const payload = { "CallBack Enum": "ENVELOPE_UPDATE", "callback desc": "Envelope Finish", envelopeId: 7 };
  const { event, action, key } = read(payload);
  assert.deepEqual([event, action, key], ["envelope-finished", "Envelope Finish", "7"]);
  assert.equal(envelopeOf(payload).unmapped, null);
});

test("an action in an oddly spelled key is found beside a key that names the module only", () => {
  const payload = { callBackEnum: "ENVELOPE_UPDATE", "CallBack Desc": "ENVELOPE_FINISH", envelopeId: "e-1" };
  assert.equal(read(payload).event, "envelope-finished");
});

test("P5: nothing is looked for under a sensitive key", () => {
  assert.equal(codeOf({ "access code": { event: "ENVELOPE_START", envelopeId: "e-1" } }), "no-action");
});

test("an empty text is no action", () => {
  const payload = { callBackDesc: "", CallBackDesc: " ", callBackEnum: "ENVELOPE_START", envelopeId: "e-1" };
  assert.equal(read(payload).event, "envelope-started");
  for (const none of [{}, { event: "" }, { event: null }, { event: {} }, { "": "ENVELOPE_START" }]) {
    assert.equal(codeOf({ ...none, envelopeId: "e-1" }), "no-action", JSON.stringify(none));
  }
});

test("P3: an unknown action is an event of its own, with the whole payload", () => {
  const payload = {
    callBackEnum: "ENVELOPE_UPDATE",
    callBackDesc: "ENVELOPE_TRANSFERRED",
    x: [1, null, "é"],
  };
  const callback = read(payload);
  assert.equal(callback.schema, "unrecognized-event");
  assert.deepEqual(
    [callback.event, callback.action, callback.key, callback.fields],
    ["unrecognized", "ENVELOPE_TRANSFERRED", null, { body: JSON.stringify(payload) }],
  );
  assert.deepEqual(throughAvro(callback), valueOf(callback));
});

const keyOf = (payload: object) => read({ event: "NEW", ...payload }).key;

test("P6: an unknown action is keyed by its envelope, else by its task, wherever the id stands", () => {
  assert.equal(keyOf({ eventPayload: { envelopeId: "e-1", taskId: "t-1" } }), "e-1");
  assert.equal(keyOf({ eventPayload: { taskId: "t-1" } }), "t-1");
  assert.equal(keyOf({ "Envelope ID": 12 }), "12");
  assert.equal(keyOf({ data: { inner: [{ envelopeId: "e-1" }] } }), "e-1");
  assert.equal(keyOf({ callBackTransferVO: { envelopeId: "", taskId: "t-1" } }), "t-1");
  assert.equal(keyOf({ eventPayload: "none" }), null);
});

test("P3: a known action without its id is no record", () => {
  assert.equal(codeOf({ event: "ENVELOPE_START", eventPayload: {} }), "no-id");
  assert.equal(codeOf(webhook("ENVELOPE_START", { envelopeId: "" })), "no-id");
  assert.equal(codeOf(webhook("ENVELOPE_START", { envelopeId: null })), "no-id");
  assert.equal(codeOf(webhook("ENVELOPE_START", { envelopeId: {} })), "no-id");
  assert.equal(codeOf(filled({ taskId: null, envelopeId: "e-1" })), "no-id");
});

test("P6: an id keeps every digit, however long", () => {
  const body =
    '{"event":"ENVELOPE_START","eventPayload":{"envelopeId":1234567890123456789,"businessNo":0.1e400}}';
  const { key } = read(body);
  assert.equal(key, "1234567890123456789");
  assert.deepEqual(leftOf(envelopeOf(body)), { eventPayload: { businessNo: "0.1e400" } });
});

test("P4: the event never follows from the status", () => {
  const { event } = read(apps("ENVELOPE_DECLINED", { envelopeStatus: 5 }));
  assert.equal(event, "envelope-declined");
});

test("P4: text is well-formed Unicode in keys, fields and the rest", () => {
  const body =
    '{"event":"ENVELOPE_CANCEL","eventPayload":{"envelopeId":"e\\ud800","cancelInfo":"x\\udfff","y\\ud800":"\\ud800"}}';
  const callback = read(body);
  assert.equal(callback.key, "e\ufffd");
  const fields = envelopeOf(body);
  assert.equal(fields.reason, "x\ufffd");
  assert.ok(fields.unmapped?.isWellFormed());
  assert.deepEqual(throughAvro(callback), valueOf(callback));
});

test("a key named __proto__ or constructor is kept like any other", () => {
  const body = `{"event":"ENVELOPE_START","envelopeId":"e-1","__proto__":{"envelopeStatus":9,"x":1},"constructor":2}`;
  assert.deepEqual(
    [envelopeOf(body).envelopeStatus, envelopeOf(body).unmapped],
    [9, '{"__proto__":{"x":1},"constructor":2}'],
  );
});

const nested = (levels: number, open: string, close: string) =>
  `{"event":"NEW","x":${open.repeat(levels - 2)}{}${close.repeat(levels - 2)}}`;

test("P3: nesting as deep as the limit is read, one level more is refused, and 100,000 do no harm", () => {
  assert.equal(codeOf(nested(64, "[", "]")), "ok");
  assert.equal(codeOf(nested(65, "[", "]")), "too-deep");
  assert.equal(codeOf(nested(64, '{"a":', "}")), "ok");
  assert.equal(codeOf(nested(65, '{"a":', "}")), "too-deep");
  assert.equal(codeOf(nested(100_000, "[", "]")), "too-deep");
  assert.equal(codeOf(nested(100_000, '{"a":', "}")), "too-deep");
  assert.equal(codeOf("[".repeat(100_000)), "not-json");
});

test("P3: texts within texts do no harm, however deep", () => {
  let text = JSON.stringify({ accessCode: "482913" });
  while (text.length < 500_000) text = JSON.stringify([[[[{ a: text }]]]]);
  for (const event of ["NEW", "ENVELOPE_START"]) {
    const callback = read({ event, envelopeId: "e-1", x: text });
    assert.ok(!JSON.stringify(callback).includes("482913"));
  }
});

test("P2: a large and hostile body is read in well under the deadline", () => {
  const many = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`k${index}`, { a: "{" }]));
  const started = performance.now();
  read(webhook("ENVELOPE_START", { signerList: Array.from({ length: 20_000 }, () => ({ x: 1 })), ...many }));
  read(bytesOf(webhook("ENVELOPE_START", { x: "\\u0041".repeat(100_000) })).toString());
  assert.ok(performance.now() - started < 3000);
});
