import assert from "node:assert/strict";
import { type Callback, readCallback } from "../../src/core/callback.ts";
import type { EnvelopeFields, Signer, TemplateFields } from "../../src/core/payload.ts";
import type { Sensitive } from "../../src/core/redact.ts";

/** A text is taken as the body itself. */
export const bytesOf = (payload: unknown): Buffer =>
  Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));

export const codeOf = (payload: unknown): string => {
  const result = readCallback(bytesOf(payload), "mask");
  return result.ok ? "ok" : result.code;
};

export const read = (payload: unknown, sensitive: Sensitive = "mask"): Callback => {
  const result = readCallback(bytesOf(payload), sensitive);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
};

export const envelopeOf = (payload: unknown, sensitive: Sensitive = "mask"): EnvelopeFields => {
  const callback = read(payload, sensitive);
  assert.ok(callback.schema === "envelope-event", callback.schema);
  return callback.fields;
};

export const templateOf = (payload: unknown, sensitive: Sensitive = "mask"): TemplateFields => {
  const callback = read(payload, sensitive);
  assert.ok(callback.schema === "template-fill-result", callback.schema);
  return callback.fields;
};

export const leftOf = (fields: { readonly unmapped: string | null }): unknown =>
  fields.unmapped === null ? null : JSON.parse(fields.unmapped);

export const apps = (action: string, envelope: object, beside: object = {}): object => ({
  callBackEnum: "ENVELOPE_UPDATE",
  callBackDesc: action,
  callBackEnvelopeVO: { envelopeId: "e-1", ...envelope },
  ...beside,
});

export const webhook = (action: string, payload: object): object => ({
  event: action,
  eventPayload: { envelopeId: "e-1", ...payload },
});

export const filled = (template: object): object => ({
  callBackEnum: "TEMPLATE",
  callBackDesc: "TEMPLATE_FILL_RESULT",
  callBackTemplateVO: { taskId: "t-1", ...template },
});

/** The one signer of an envelope that lists one. */
export const signerOf = (payload: unknown, sensitive: Sensitive = "mask"): Signer => {
  const [signer, ...others] = envelopeOf(payload, sensitive).signers;
  assert.ok(signer !== undefined && others.length === 0);
  return signer;
};
