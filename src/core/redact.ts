import { bareName, isObject, type JsonObject, parseJson } from "./json.ts";

/** What becomes of sensitive fields in a record: `"***"`, or published as they are. */
export type Sensitive = "mask" | "publish";

/** An access code opens the signing page; a download link is good for whoever holds it. The one list of them. */
export const sensitiveFields = ["accessCode", "downloadUrl"] as const;
const maskedText = "***";

const sensitiveNames: readonly string[] = sensitiveFields.map(bareName);

/** True for every spelling of a sensitive field's name, also inside a longer name. */
export const isSensitive = (name: string): boolean => {
  const bare = bareName(name);
  return sensitiveNames.some((sensitive) => bare.includes(sensitive));
};

/** JSON may write any letter as an escape. */
const unescaped = (text: string): string =>
  text.replace(/\\u([0-9a-f]{4})/gi, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

const mentionsSensitive = (text: string): boolean =>
  isSensitive(text.includes("\\") ? unescaped(text) : text);

/** Levels that are looked through, those of JSON texts inside texts counted on. */
const maxLevels = 256;

/** A text that names a sensitive field, masked inside where it is JSON, wholly where it is not. */
const maskWithin = (text: string, levels: number): string => {
  const parsed = parseJson(text);
  // Written anew even if nothing was masked: the text may have held a key twice, and parsing keeps one of them.
  return parsed.ok ? JSON.stringify(masked(parsed.value, levels - 1)) : maskedText;
};

const maskText = (text: string, levels: number): string =>
  mentionsSensitive(text) ? maskWithin(text, levels) : text.toWellFormed();

/** Two keys that differ in broken surrogates only stay two keys. */
const wellFormedKey = (key: string): string => (key.isWellFormed() ? key : JSON.stringify(key).slice(1, -1));

const mapObject = (source: JsonObject, change: (key: string, value: unknown) => unknown): JsonObject => {
  // Without a prototype, `__proto__` is a key like any other.
  const copy: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(source)) copy[wellFormedKey(key)] = change(key, source[key]);
  return copy;
};

const isSensitiveName = (value: unknown): boolean =>
  typeof value === "string" && value.length <= 64 && sensitiveNames.includes(bareName(value));

const hidden = (value: unknown): unknown => (value === null ? null : maskedText);

const masked = (value: unknown, levels: number): unknown => {
  if (levels <= 0) return hidden(value);
  if (typeof value === "string") return maskText(value, levels);
  if (typeof value !== "object" || value === null) return value;
  // { name: "accessCode", value: … } names the field in a value: whatever stands beside it may be the secret.
  const named = Object.values(value).some(isSensitiveName);
  if (Array.isArray(value)) {
    return value.map((item: unknown) => (named ? hidden(item) : masked(item, levels - 1)));
  }
  if (!isObject(value)) return value;
  return mapObject(value, (key, inner) =>
    named || isSensitive(key) ? hidden(inner) : masked(inner, levels - 1),
  );
};

const wellFormed = (value: unknown): unknown => {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  return isObject(value) ? mapObject(value, (_key, inner) => wellFormed(inner)) : value;
};

/** JSON text of a parsed value with nothing secret in it (unless published), and well-formed. */
export const toSafeJson = (value: unknown, sensitive: Sensitive): string =>
  JSON.stringify(sensitive === "mask" ? masked(value, maxLevels) : wellFormed(value));

/** The value of a sensitive field. */
export const toSafeSecret = (text: string, sensitive: Sensitive): string =>
  sensitive === "mask" ? maskedText : text;

/**
 * A text that has a field of its own. It may speak of an access code in prose ("access code entered wrongly"); only one
 * with a brace may hold the code itself.
 */
export const toSafeText = (text: string, sensitive: Sensitive): string =>
  sensitive === "mask" && text.includes("{") ? maskText(text, maxLevels) : text;
