import assert from "node:assert/strict";
import { test } from "node:test";
import {
  apps,
  envelopeOf,
  filled,
  leftOf,
  read,
  signerOf,
  templateOf,
  webhook,
} from "../support/callbacks.ts";

// One test for each row of the vendor notes, section 7: its pages contradict each other, and nobody has seen the wire.

test("START: the action stands in callBackEnum alone, or in callBackDesc beside the module", () => {
  for (const head of [
    { callBackEnum: "ENVELOPE_START" },
    { callBackEnum: "ENVELOPE_UPDATE", callBackDesc: "ENVELOPE_START" },
    { callBackEnum: "ENVELOPE_START", callBackDesc: "ENVELOPE_START" },
  ]) {
    const payload = { ...head, callBackEnvelopeVO: { envelopeId: "e-1" } };
    assert.equal(read(payload).event, "envelope-started");
    assert.equal(envelopeOf(payload).unmapped, null);
  }
});

test("keys are spelled with spaces, capitals and underscores", () => {
  const payload = {
    callBackEnum: "ENVELOPE_UPDATE",
    callBackDesc: "ENVELOPE_DECLINED",
    "CallBack EnvelopeVO": {
      envelope_id: "e-1",
      "Envelope EndTime": 1_760_090_000_000,
      SignedSignerList: [{ "Signer status": 2, sign_order: "1", "access code": "1" }],
    },
  };
  const fields = envelopeOf(payload);
  assert.deepEqual([fields.envelopeId, fields.endedAt, fields.unmapped], ["e-1", 1_760_090_000_000, null]);
  const { listedIn, signerStatus, signOrder, accessCode } = signerOf(payload);
  assert.deepEqual([listedIn, signerStatus, signOrder, accessCode], ["signedSignerList", 2, 1, "***"]);
});

test("DECLINED: the status is 4 or 5, and either is kept without deciding anything", () => {
  for (const envelopeStatus of [4, 5]) {
    const payload = apps("ENVELOPE_DECLINED", { envelopeStatus });
    assert.equal(read(payload).event, "envelope-declined");
    assert.equal(envelopeOf(payload).envelopeStatus, envelopeStatus);
  }
});

test("EXPIRED: the status is 2 or 3, and either is kept without deciding anything", () => {
  for (const envelopeStatus of [2, 3]) {
    const payload = apps("ENVELOPE_EXPIRED", { envelopeStatus });
    assert.equal(read(payload).event, "envelope-expired");
    assert.equal(envelopeOf(payload).envelopeStatus, envelopeStatus);
  }
});

const listsOf = (envelope: object) =>
  envelopeOf(apps("ENVELOPE_EXPIRED", envelope)).signers.map(({ listedIn }) => listedIn);

test("EXPIRED: one list of signers or both come, and every signer says in which it was", () => {
  const next = { nextSignerList: [{ signerStatus: 1 }] };
  const both = { ...next, signedSignerList: [{ signerStatus: 2 }] };
  assert.deepEqual(listsOf(next), ["nextSignerList"]);
  assert.deepEqual(listsOf(both), ["nextSignerList", "signedSignerList"]);
});

test("signOrder is text or a number", () => {
  for (const signOrder of ["2", 2]) {
    assert.equal(signerOf(apps("ENVELOPE_EXPIRED", { nextSignerList: [{ signOrder }] })).signOrder, 2);
  }
});

test("FAILED: a signOrder that holds the signer's name is kept beside", () => {
  const payload = apps("ENVELOPE_SIGNER_FAILED", { signedSignerList: [{ signOrder: "Alice" }] });
  assert.equal(signerOf(payload).signOrder, null);
  assert.deepEqual(leftOf(envelopeOf(payload)), {
    callBackEnvelopeVO: { signedSignerList: { 0: { signOrder: "Alice" } } },
  });
});

test("times of an Apps callback are numbers, their text, or dates with a zone", () => {
  for (const time of [
    1_760_000_000_000,
    "1760000000000",
    "2025-10-09T08:53:20Z",
    "2025-10-09 16:53:20+0800",
  ]) {
    const fields = envelopeOf(apps("ENVELOPE_FINISH", { envelopeCreateTime: time, envelopeEndTime: time }));
    assert.deepEqual([fields.createdAt, fields.endedAt], [1_760_000_000_000, 1_760_000_000_000]);
  }
});

const timesOf = (time: unknown) => {
  const fields = envelopeOf(webhook("ENVELOPE_CANCEL", { envelopeStartTime: time, expireTime: time }));
  return [fields.startedAt, fields.expiresAt, leftOf(fields)];
};

test("times of a Webhook are numbers, their text, or dates; a date without a zone is kept beside", () => {
  for (const time of [1_760_000_000_000, "1760000000000", "2025-10-09T08:53:20.000Z"]) {
    assert.deepEqual(timesOf(time), [1_760_000_000_000, 1_760_000_000_000, null]);
  }
  for (const time of ["2025-10-09 08:53:20", "2025-10-09", 1_760_000_000, 253_402_300_800_000]) {
    const left = { eventPayload: { envelopeStartTime: time, expireTime: time } };
    assert.deepEqual(timesOf(time), [null, null, left]);
  }
});

const phoneOf = (phoneNumber: unknown) => {
  const signer = signerOf(webhook("SIGNER_DECLINED", { signerList: [{ phoneNumber }] }));
  return [signer.phoneCountryCode, signer.phoneNumber];
};

test("phoneNumber is an object, that in an array, JSON text, or plain text", () => {
  const phone = { countryCode: 852, number: "55550101" };
  for (const sent of [phone, [phone], JSON.stringify(phone), { map: phone }]) {
    assert.deepEqual(phoneOf(sent), ["852", "55550101"]);
  }
  assert.deepEqual(phoneOf("+852 55550101"), [null, "+852 55550101"]);
  assert.deepEqual(phoneOf(null), [null, null]);
});

test("FAILED: the description stands beside the envelope, or in it", () => {
  const outside = apps("ENVELOPE_SIGNER_FAILED", {}, { description: "No certificate" });
  const inside = apps("ENVELOPE_SIGNER_FAILED", { description: "No certificate" });
  for (const payload of [outside, inside]) {
    const { reason, unmapped } = envelopeOf(payload);
    assert.deepEqual([reason, unmapped], ["No certificate", null]);
  }
});

test("of two descriptions the outer one is the reason, and the inner one is kept", () => {
  const fields = envelopeOf(apps("ENVELOPE_SIGNER_FAILED", { description: "in" }, { description: "out" }));
  assert.equal(fields.reason, "out");
  assert.deepEqual(leftOf(fields), { callBackEnvelopeVO: { description: "in" } });
});

test("the items of signFiles stand one level deeper than they should", () => {
  const file = { fileName: "Offer.pdf", fileKey: "k-1" };
  for (const signFiles of [
    [file],
    [{ file }],
    [[file]],
    [[[file]]],
    file,
    { file },
    { files: [file] },
    JSON.stringify([file]),
  ]) {
    const payload = apps("ENVELOPE_FINISH", { signedSignerList: [{ signFiles }] });
    assert.deepEqual(signerOf(payload).signFiles, [file], JSON.stringify(signFiles));
    assert.equal(envelopeOf(payload).unmapped, null);
  }
});

test("P5: an accessCode stands beside authModes, or under it", () => {
  const beside = signerOf(
    webhook("ENVELOPE_FINISH", { signerList: [{ authModes: "1", accessCode: "482913" }] }),
  );
  assert.deepEqual([beside.authModes, beside.accessCode], ["1", "***"]);
  const under = webhook("ENVELOPE_FINISH", {
    signerList: [{ authModes: { accessCode: 482_913, mode: "1" } }],
  });
  assert.equal(signerOf(under).accessCode, "***");
  assert.equal(signerOf(under, "publish").accessCode, "482913");
  assert.deepEqual(leftOf(envelopeOf(under)), {
    eventPayload: { signerList: { 0: { authModes: { mode: "1" } } } },
  });
});

const eventOf = (action: string) => read(apps(action, { envelopeStatus: 2 })).event;

test("ALL_SIGNED and FINISH are told apart by the action, both have status 2", () => {
  assert.equal(eventOf("ENVELOPE_ALL_SIGNER_SIGNED"), "all-signers-signed");
  assert.equal(eventOf("ENVELOPE_FINISH"), "envelope-finished");
});

test("nulls are sent for what there is not", () => {
  const payload = apps("ENVELOPE_START", {
    envelopeCreateTime: null,
    signerInfo: null,
    nextSignerList: [{ signDate: null, accessCode: null, phoneNumber: null, signFiles: null }, null],
  });
  const { accessCode, signedAt, signFiles } = signerOf(payload);
  assert.deepEqual([accessCode, signedAt, signFiles], [null, null, []]);
  assert.equal(envelopeOf(payload).unmapped, null);
});

const marked = (...signerList: object[]) => envelopeOf(webhook("SIGNER_DECLINED", { signerList }));

test("the signer who declines is named in declineSigner, or marked in the Webhook's list", () => {
  const declined = apps("ENVELOPE_DECLINED", { declineSigner: { userEmail: "b@x", signerMessage: "No" } });
  const { reason, signer } = envelopeOf(declined);
  assert.deepEqual([reason, signer?.userEmail, signer?.declineReason], ["No", "b@x", "No"]);

  const bob = { userEmail: "b@x", declineReason: "No" };
  const one = marked({ userEmail: "a@x", declineReason: "" }, bob);
  assert.deepEqual([one.reason, one.signer], ["No", one.signers[1]]);
  const two = marked({ userEmail: "a@x", declineReason: "Nor I" }, bob);
  assert.deepEqual([two.reason, two.signer, two.signers.length], [null, null, 2]);
});

test("P4: a signer marked in a list is nobody's decline when another is named, or another event", () => {
  const signerList = [{ userEmail: "b@x", declineReason: "No" }];
  const named = envelopeOf(apps("ENVELOPE_DECLINED", { signerList, declineSigner: { userEmail: "c@x" } }));
  assert.equal(named.signer?.userEmail, "c@x");
  const finished = envelopeOf(webhook("ENVELOPE_FINISH", { signerList }));
  assert.deepEqual([finished.signer, finished.reason], [null, null]);
});

test("cancelInfo holds a reason, or is one", () => {
  for (const cancelInfo of [{ reason: "Gone" }, "Gone", [{ reason: "Gone" }], '{"reason":"Gone"}']) {
    const { reason, unmapped } = envelopeOf(webhook("ENVELOPE_CANCEL", { cancelInfo }));
    assert.deepEqual([reason, unmapped], ["Gone", null]);
  }
});

test("numbers of a template are text or numbers, and their places flat or nested", () => {
  const place = { pageNo: "2", posX: 1.5, posY: "2.5", width: 3, height: 4 };
  const field = { fieldId: 6, fieldType: "25" };
  for (const fields of [[{ ...field, ...place }], [{ ...field, fieldConfigs: place }]]) {
    const template = templateOf(filled({ taskStatus: 2, fields }));
    const expected = { fieldId: "6", fieldKey: null, fieldName: null, fieldType: 25 };
    assert.deepEqual(template.fields, [{ ...expected, ...place, pageNo: 2, posY: 2.5 }]);
    assert.deepEqual([template.taskStatus, template.unmapped], [2, null]);
  }
});
