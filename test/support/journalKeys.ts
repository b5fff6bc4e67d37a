import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type JournalKey, parseJournalKeys } from "../../src/core/journal-keys.ts";

/** The line of a key file: the same for the same name. */
export const keyLine = (name: string, of = name): string =>
  `${name}:${createHash("sha256").update(of).digest("base64")}`;

export const keysOf = (...lines: readonly string[]): readonly JournalKey[] => {
  const parsed = parseJournalKeys(lines.join("\n"));
  assert.ok("value" in parsed, JSON.stringify(parsed));
  return parsed.value;
};

export const oneKey = keysOf(keyLine("first"));
