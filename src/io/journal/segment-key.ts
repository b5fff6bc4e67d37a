import { randomBytes } from "node:crypto";
import { createSegmentCipher, seedBytes, type SegmentCipher } from "../../core/cipher.ts";
import type { JournalKey } from "../../core/journal-keys.ts";
import { statementOf, type SegmentHeader } from "../../core/segment.ts";

/** Undefined when the key is not among those given. Null: the segment is not encrypted. */
export const cipherOf = (
  header: SegmentHeader,
  keys: readonly JournalKey[],
): SegmentCipher | null | undefined => {
  const { encryption } = header;
  if (encryption === null) return null;
  const key = keys.find(({ id }) => id === encryption.keyId);
  return key === undefined ? undefined : createSegmentCipher(key, encryption.seed, statementOf(header));
};

/** For a new segment. */
export const newEncryption = ([key]: readonly JournalKey[]): SegmentHeader["encryption"] =>
  key === undefined ? null : { seed: randomBytes(seedBytes), keyId: key.id };
