import { createHash, createSecretKey, type KeyObject } from "node:crypto";

/** A key of the journal. What it is shows nowhere; its name and its id may. */
export type JournalKey = {
  readonly name: string;
  /** What a segment says of the key that opens it: the first 8 bytes of SHA-256 over the key, as 16 hex digits. */
  readonly id: string;
  readonly secret: KeyObject;
};

export const journalKeyBytes = 32;

const keyIdOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

const isBase64Key = (text: string): boolean => /^[A-Za-z0-9+/]{43}=$/.test(text);

const faultOf = (name: string, text: string | undefined): string | null => {
  if (text === undefined) return "has no ':' between name and key";
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) return "has a name with other characters";
  return isBase64Key(text) ? null : `is no key of ${journalKeyBytes} bytes in Base64`;
};

const toKey = (name: string, text: string): JournalKey => {
  const bytes = Buffer.from(text, "base64");
  return { name, id: keyIdOf(bytes), secret: createSecretKey(bytes) };
};

/** One `name:key` per line, or with commas between them. What is wrong is said by number: the line may be the key itself. */
export const parseJournalKeys = (
  text: string,
): { readonly value: readonly JournalKey[] } | { readonly wrong: string } => {
  const keys: JournalKey[] = [];
  const entries = text.split(/[\n,]/).map((entry) => entry.trim());
  for (const [index, entry] of entries.filter((one) => one !== "").entries()) {
    const [name = "", secret] = entry.split(":", 2);
    const fault = faultOf(name, secret);
    if (fault !== null) return { wrong: `is wrong in entry ${index + 1}, which ${fault}` };
    const key = toKey(name, secret ?? "");
    const same = keys.findIndex((other) => other.name === key.name || other.id === key.id);
    if (same >= 0) return { wrong: `has the same name or key in entries ${same + 1} and ${index + 1}` };
    keys.push(key);
  }
  return keys.length === 0 ? { wrong: "is empty" } : { value: keys };
};
