import assert from "node:assert/strict";
import { secretNames } from "../../src/config.ts";
import { exampleOf } from "../../src/core/setting-formats.ts";
import { isSensitive } from "../../src/core/redact.ts";
import { ConfigSchema, type SettingName } from "../../src/settings.ts";
import { canonicalFixtures, variantFixtures } from "./fixtures.ts";

// Texts that stand nowhere but where we put them: found elsewhere, they have leaked.

/** Of a secret setting. */
export const canaryOf = (name: string): string =>
  `canary-${name.toLowerCase().replaceAll("_", "-")}-7f3a9c0b51de`;

/** The setting with its canary in the place that its example shows: so that a new secret has one by itself. */
export const secretText = (name: SettingName): string => {
  const example = exampleOf(ConfigSchema.properties[name]);
  // A key of the journal has 32 bytes.
  const key = Buffer.from(canaryOf(name).padEnd(32)).toString("base64");
  const text = example.replace("<openssl rand -base64 32>", key).replace(/<\w+>/, canaryOf(name));
  assert.notEqual(text, example, `the example of ${name} has no <place> for a secret`);
  return text;
};
export const secretSettings = (except: readonly SettingName[]): Record<string, string> =>
  Object.fromEntries(
    secretNames.filter((name) => !except.includes(name)).map((name) => [name, secretText(name)]),
  );

export const settingCanaries: readonly string[] = secretNames.map(canaryOf);
/** What opens a page or a file. */
export const codeCanary = "canary-code-91b64c7702aa";
/** People may be in the topics that are about them, and nowhere else. */
export const peopleCanary = "canary-person-3d58e16fb049";

const people = ["userName", "userEmail", "phoneNumber", "organizationName", "number", "declineReason"];

const marked = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(marked);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (isSensitive(key)) return [key, codeCanary];
      return [key, people.includes(key) && typeof inner === "string" ? peopleCanary : marked(inner)];
    }),
  );
};

/** What the vendor sends, with canaries in it and beside it. */
const callbacks = [...canonicalFixtures, ...variantFixtures].map(({ body }, serial) => {
  const callback: unknown = marked(JSON.parse(body.toString()));
  return { ...Object(callback), serial, access_code: codeCanary, contact: { userName: peopleCanary } };
});

const code = JSON.stringify(codeCanary);
const inside = `{"envelopeId":"e-1","accessCode":${code},"userName":"${peopleCanary}"}`;
const strange = [
  `{"event":"NEW_ONE","eventPayload":${inside}}`,
  `{"event":"NEW_ONE","eventPayload":{"envelopeId":"e","note":${JSON.stringify(inside)}}}`,
  `{"event":"NEW_ONE","eventPayload":{"envelopeId":"e","a":{"name":"accessCode","value":${code}}}}`,
  `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e","ACCESS CODE":${code},"accessCode":${code},"accessCode":1}}`,
  `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e","x":{"\\u0061ccessCode":[[${code}]]}}}`,
  `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e","reason":${JSON.stringify(inside)}}}`,
  `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e","endedAt":{"downloadUrl":${code}}}}`,
];
/** Each for another reason. */
const letters = [
  `{"event":"ENVELOPE_FINISH","eventPayload":${inside}`,
  `accessCode=${codeCanary}&userName=${peopleCanary}`,
  `[${inside}]`,
  `{"accessCode":${code},"userName":"${peopleCanary}"}`,
  `{"event":"ENVELOPE_FINISH","eventPayload":{"accessCode":${code},"userName":"${peopleCanary}"}}`,
  `{"event":"ENVELOPE_FINISH","eventPayload":{"accessCode":${code},"x":${"[".repeat(99)}${"]".repeat(99)}}}`,
  `{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"${"e".repeat(600_000)}","accessCode":${code}}}`,
];

export const canaryBodies: readonly Buffer[] = [
  ...callbacks.map((callback) => JSON.stringify(callback)),
  ...strange,
  ...letters,
].map((text) => Buffer.from(text));
export const canaryLetters: number = letters.length;

/** As it is, and in the ways in which a header, an address or a dump may write it. */
const formsOf = (canary: string): readonly string[] => [
  canary,
  Buffer.from(canary).toString("hex"),
  // In Base64 a text has three forms, by what stands before it; the ends depend on what stands beside it.
  ...[0, 1, 2].map((before) =>
    Buffer.from(" ".repeat(before) + canary)
      .toString("base64")
      .slice(4, -4),
  ),
];

/** Where in these texts, by name, a canary stands; empty when it stands nowhere. */
export const leaks = (texts: Readonly<Record<string, string>>, canaries: readonly string[]): string[] =>
  Object.entries(texts).flatMap(([name, text]) =>
    canaries
      .flatMap((canary) => formsOf(canary).map((form) => ({ canary, at: text.indexOf(form) })))
      .filter(({ at }) => at >= 0)
      .map(({ canary, at }) => `${name}: ${canary} in ${text.slice(Math.max(0, at - 200), at + 80)}`),
  );
