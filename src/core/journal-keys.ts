import { createHash, createSecretKey, type KeyObject } from "node:crypto";
import { type NamedSecret, type Parsed, parseSecrets } from "./named-secrets.ts";

/** A key of the journal. What it is shows nowhere; its name and its id may. */
export type JournalKey = {
  readonly name: string;
  /** What a segment says of the key that opens it: the first 8 bytes of SHA-256 over the key, as 16 hex digits. */
  readonly id: string;
  readonly secret: KeyObject;
};

const keyIdOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

const isBase64Key = (text: string): boolean => /^[A-Za-z0-9+/]{43}=$/.test(text);

const toKey = ({ name, secret }: NamedSecret): JournalKey => {
  const bytes = Buffer.from(secret, "base64");
  return { name, id: keyIdOf(bytes), secret: createSecretKey(bytes) };
};

/** One `name:key` per line, or with commas between them. What is wrong is said by number: the line may be the key itself. */
export const parseJournalKeys = (text: string): Parsed<readonly JournalKey[]> => {
  const entries = text.split(/[\n,]/).map((entry) => entry.trim());
  const written = entries.filter((entry) => entry !== "").join(",");
  if (written === "") return { wrong: "is empty" };
  const parsed = parseSecrets(written);
  if ("wrong" in parsed) return parsed;
  const odd = parsed.value.findIndex(({ secret }) => !isBase64Key(secret));
  if (odd !== -1) return { wrong: `is wrong in entry ${odd + 1}, which is no key of 32 bytes in Base64` };
  const keys = parsed.value.map(toKey);
  const ids = keys.map(({ id }) => id);
  const again = ids.findIndex((id, index) => ids.indexOf(id) < index);
  if (again === -1) return { value: keys };
  return { wrong: `has the same key in entries ${ids.indexOf(ids[again] ?? "") + 1} and ${again + 1}` };
};
