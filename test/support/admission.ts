import { readFileSync } from "node:fs";
import type { Presented } from "../../src/core/presented.ts";
import { type AdmissionRules, createAdmission } from "../../src/core/signature.ts";

export type Vector = {
  readonly name: string;
  readonly secret: string;
  readonly timestamp: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: string;
  readonly hex: string;
  readonly base64: string;
};
const file = new URL("../fixtures/signature-vectors.json", import.meta.url);
export const { vectors }: { vectors: readonly Vector[] } = JSON.parse(readFileSync(file, "utf8"));

export const secret = "a-secret-of-more-than-sixteen-bytes";
export const rulesWith = (rules: Partial<AdmissionRules>): AdmissionRules => ({
  auth: ["hmac"],
  hmacKeys: [{ name: "main", secret }],
  hmacScheme: "tsign",
  hmacMaxAgeMs: 0,
  tokens: [],
  basicUsers: [],
  ...rules,
});

export const signatureHeader = "x-tsign-open-signature";
export const timestampHeader = "x-tsign-open-timestamp";
export const present = (given: Partial<Presented>): Presented => ({
  headers: {},
  query: "",
  pathToken: null,
  body: Buffer.from("{}"),
  ...given,
});
export const signedBy = (timestamp: string, signature: string, given: Partial<Presented> = {}): Presented =>
  present({ ...given, headers: { [timestampHeader]: timestamp, [signatureHeader]: signature } });

export const now = 1_713_508_339_505;
/** The source's name behind `ok`, or the refusal's code. */
export const verdict = (rules: Partial<AdmissionRules>, presented: Presented, at = now): string => {
  const result = createAdmission(rulesWith(rules))(presented, at);
  return result.ok ? `ok ${result.value.source}` : result.code;
};

export const flip = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  const at = (bit >> 3) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
};
export const flippedText = (text: string, bit: number): string =>
  flip(Buffer.from(text, "latin1"), bit).toString("latin1");
