import assert from "node:assert/strict";
import { test } from "node:test";
import { apps, envelopeOf, filled, leftOf, signerOf, templateOf, webhook } from "../support/callbacks.ts";

const idAndStatus = (payload: unknown) => {
  const { envelopeId, envelopeStatus, unmapped } = envelopeOf(payload);
  return [envelopeId, envelopeStatus, unmapped];
};

test("P4: the envelope is found without its wrapper, in another one, or within JSON text", () => {
  const envelope = { envelopeId: "e-1", envelopeStatus: 1 };
  for (const payload of [
    { event: "ENVELOPE_START", ...envelope },
    { event: "ENVELOPE_START", data: envelope },
    { event: "ENVELOPE_START", data: { eventPayload: envelope } },
    { event: "ENVELOPE_START", eventPayload: { envelope } },
    { event: "ENVELOPE_START", eventPayload: [envelope] },
    { event: "ENVELOPE_START", eventPayload: JSON.stringify(envelope) },
    { event: "ENVELOPE_START", data: JSON.stringify({ eventPayload: JSON.stringify(envelope) }) },
    { event: "ENVELOPE_START", callBackEnvelopeVO: envelope },
    { event: "ENVELOPE_START", eventPayload: { envelopeId: { envelopeId: "e-1" }, envelopeStatus: ["1"] } },
  ]) {
    assert.deepEqual(idAndStatus(payload), ["e-1", 1, null], JSON.stringify(payload));
  }
});

test("P4: what stands where it belongs wins over what stands deeper, in whatever order", () => {
  const deep = { callBackEnvelopeVO: { envelopeId: "e-2", envelopeStatus: 2 } };
  const own = { callBackDesc: "ENVELOPE_START", envelopeId: "e-1", envelopeStatus: 1 };
  for (const payload of [
    { ...deep, ...own },
    { ...own, ...deep },
  ]) {
    assert.deepEqual(idAndStatus(payload), ["e-1", 1, JSON.stringify(deep)]);
  }
});

test("P4: a field is set once, and the second spelling is kept", () => {
  const payload = webhook("ENVELOPE_START", { envelopeStatus: 1, "envelope status": 2 });
  assert.deepEqual(idAndStatus(payload), ["e-1", 1, '{"eventPayload":{"envelope status":2}}']);
});

test("P4: another envelope inside is not this one", () => {
  const parent = { envelopeId: "e-0", envelopeStatus: 2, envelopeEndTime: 1_760_000_000_000 };
  const fields = envelopeOf(apps("ENVELOPE_START", { parent }));
  assert.deepEqual([fields.envelopeId, fields.envelopeStatus, fields.endedAt], ["e-1", null, null]);
  assert.deepEqual(leftOf(fields), { callBackEnvelopeVO: { parent } });
});

test("P4: a description of something else is no reason, one of an unknown part of the envelope is", () => {
  const app = { description: "Our HR app", event: "x" };
  const other = envelopeOf(apps("ENVELOPE_CANCEL", {}, { app }));
  assert.deepEqual([other.reason, leftOf(other)], [null, { app }]);
  const ours = envelopeOf(apps("ENVELOPE_CANCEL", {}, { data: { envelopeId: "e-1", description: "Gone" } }));
  assert.equal(ours.reason, "Gone");
  assert.equal(
    envelopeOf(apps("ENVELOPE_CANCEL", {}, { data: { cancelInfo: { reason: "Gone" } } })).reason,
    "Gone",
  );
});

test("P4: somebody else inside a signer is not the signer", () => {
  const delegate = { userEmail: "d@x", accessCode: "482913" };
  const payload = apps("ENVELOPE_START", { nextSignerList: [{ userName: "Alice", delegate }] });
  assert.deepEqual([signerOf(payload).userName, signerOf(payload).userEmail], ["Alice", null]);
  assert.deepEqual(leftOf(envelopeOf(payload)), {
    callBackEnvelopeVO: { nextSignerList: { 0: { delegate: { userEmail: "d@x", accessCode: "***" } } } },
  });
});

test("an object with no known key is a wrapper", () => {
  const alice = { userEmail: "a@x", signOrder: 1 };
  for (const nextSignerList of [
    [{ signer: alice }],
    [{ who: { userEmail: "a@x" }, order: { signOrder: 1 } }],
    [[alice]],
    { signers: [alice] },
    { signers: { signer: alice } },
    { 0: alice },
    alice,
    JSON.stringify([alice]),
    [JSON.stringify(alice)],
  ]) {
    const payload = apps("ENVELOPE_START", { nextSignerList });
    const { userEmail, signOrder } = signerOf(payload);
    assert.deepEqual([userEmail, signOrder, envelopeOf(payload).unmapped], ["a@x", 1, null]);
  }
});

test("what is no signer in a list of signers is kept by its index", () => {
  const fields = envelopeOf(
    apps("ENVELOPE_START", {
      nextSignerList: [{ userName: "Alice" }, 7, { x: 1 }, ["y", { userName: "Bob" }], {}],
    }),
  );
  assert.deepEqual(
    fields.signers.map(({ userName }) => userName),
    ["Alice", "Bob"],
  );
  assert.deepEqual(leftOf(fields), {
    callBackEnvelopeVO: { nextSignerList: { 1: 7, 2: { x: 1 }, 3: { 0: "y" } } },
  });
});

test("P4: a list is taken once, an empty one not at all", () => {
  const [alice, bob] = [{ userName: "Alice" }, { userName: "Bob" }];
  const twice = envelopeOf(webhook("ENVELOPE_START", { signerList: [alice], SignerList: [bob] }));
  assert.deepEqual(leftOf(twice), { eventPayload: { SignerList: [bob] } });
  const history = envelopeOf(
    webhook("ENVELOPE_START", { signerList: [alice], history: { signerList: [bob] } }),
  );
  assert.equal(history.signers.length, 1);
  const late = envelopeOf(webhook("ENVELOPE_START", { signerList: [], data: { signerList: [bob] } }));
  assert.deepEqual([late.signers.length, late.unmapped], [1, null]);
});

test("signers and receivers of copies come from every list, in the order sent", () => {
  const fields = envelopeOf(
    apps("ENVELOPE_DELIVERY_FAILED", {
      signedSignerList: [{ userName: "1" }],
      signerInfo: { userName: "0" },
      nextSignerList: [{ userName: "2" }],
      signerList: [{ userName: "3" }],
      ccInfo: { userName: "4" },
      ccList: [{ userName: "5", ccStatus: "1" }],
    }),
  );
  assert.deepEqual(
    fields.signers.map(({ listedIn, userName }) => [listedIn, userName]),
    [
      ["signedSignerList", "1"],
      ["nextSignerList", "2"],
      ["signerList", "3"],
    ],
  );
  assert.deepEqual([fields.signer?.userName, fields.signer?.listedIn], ["0", null]);
  assert.deepEqual(
    fields.ccs.map(({ userName, ccStatus }) => [userName, ccStatus]),
    [
      ["4", null],
      ["5", 1],
    ],
  );
});

test("P4: what does not fit its type is kept as it came", () => {
  const odd = {
    envelopeStatus: "done",
    expireTime: 0,
    signerInfo: "Alice",
    nextSignerList: "none",
    ccList: [1, "two"],
    cancelInfo: ["a", "b"],
    envelopeCreateTime: { at: 1 },
  };
  const fields = envelopeOf(webhook("ENVELOPE_START", odd));
  assert.deepEqual(leftOf(fields), { eventPayload: { ...odd, ccList: { 0: 1, 1: "two" } } });
});

test("P4: numbers that a double cannot hold keep their digits", () => {
  const body = `{"event":"ENVELOPE_START","envelopeId":"e-1","a":9007199254740993,"b":[12345678901234567890],
    "envelopeStatus":9223372036854775807,"c":1e400,"d":0.12345678901234567891,"e":1e3,"f":9007199254740991}`;
  assert.deepEqual(leftOf(envelopeOf(body)), {
    a: "9007199254740993",
    b: ["12345678901234567890"],
    envelopeStatus: "9223372036854775807",
    c: "1e400",
    d: "0.12345678901234567891",
    e: 1000,
    f: 9_007_199_254_740_991,
  });
});

test("of a key sent twice the last value counts", () => {
  const body = '{"event":"ENVELOPE_START","envelopeId":"e-1","envelopeId":"e-2","x":1,"x":2}';
  assert.deepEqual(idAndStatus(body), ["e-2", null, '{"x":2}']);
});

test("P5: a secret is masked wherever it was put", () => {
  const payload = apps(
    "ENVELOPE_START",
    {
      accessCode: "s3cret",
      nextSignerList: [
        { userName: "Alice", accessCode: { userEmail: "s3cret" } },
        { accessCodes: { userEmail: "s3cret" } },
        { userName: "Bob", accessCode: "s3cret", ACCESS_CODE: "s3cret" },
        { userName: '{"accessCode":"s3cret"}', x: "access code s3cret" },
      ],
      signedSignerList: { accessCodes: [{ userEmail: "s3cret" }] },
    },
    { data: { "download url": { envelopeStatus: "s3cret" } }, text: '{"a":{"accessCode":"s3cret"}}' },
  );
  assert.ok(!JSON.stringify(envelopeOf(payload)).includes("s3cret"));
  const published = envelopeOf(payload, "publish");
  assert.equal(published.signers[1]?.accessCode, "s3cret");
  assert.equal(
    JSON.stringify(published).split("s3cret").length,
    JSON.stringify(payload).split("s3cret").length,
  );
});

test("P5: a download link is masked unless it is published", () => {
  const payload = filled({
    downloadUrl: "https://files.example.com/1",
    downloadUrls: ["https://x"],
    fields: [],
  });
  assert.equal(templateOf(payload).downloadUrl, "***");
  assert.deepEqual(leftOf(templateOf(payload)), { callBackTemplateVO: { downloadUrls: "***" } });
  assert.equal(templateOf(payload, "publish").downloadUrl, "https://files.example.com/1");
});

test("a JSON text that tells nothing is kept as the text it was", () => {
  const odd = { signerInfo: '{"a": 1}', x: '{"b": 2}', y: '["c", 3]' };
  const fields = envelopeOf(webhook("ENVELOPE_CANCEL", { ...odd, cancelInfo: "[1, 2]" }));
  assert.deepEqual([fields.reason, leftOf(fields)], ["[1, 2]", { eventPayload: odd }]);
});

const wrapped = (levels: number, inner: unknown): unknown =>
  levels === 0 ? inner : { data: wrapped(levels - 1, inner) };

test("P3: below 64 levels, those of texts within texts counted on, nothing is read and all is kept", () => {
  const status = { envelopeStatus: 7 };
  const shallow = envelopeOf({ event: "ENVELOPE_START", envelopeId: "e-1", x: wrapped(60, status) });
  assert.deepEqual([shallow.envelopeStatus, shallow.unmapped], [7, null]);
  const text = JSON.stringify(wrapped(30, status));
  const deep = envelopeOf({ event: "ENVELOPE_START", envelopeId: "e-1", x: wrapped(40, text) });
  assert.deepEqual([deep.envelopeStatus, leftOf(deep)], [null, { x: wrapped(40, text) }]);
});
