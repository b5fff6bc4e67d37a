/**
 * How the payloads of an encrypted segment (`segment.ts`, version 2) are kept secret: AES-256-GCM, each frame by itself, so that
 * damage costs only the frame that it hits. A sealed payload is the ciphertext and a tag of 16 bytes.
 *
 * Every segment has a key of its own: HKDF-SHA256 of the operator's key, with the header's 16 random bytes as salt and the
 * whole of the header's statement as info. The nonce is the frame's index. GCM is broken by one nonce used twice under one key;
 * that cannot happen:
 * - Within a segment each index is sealed once. A file whose write has failed is never written again, and every start,
 *   also after a crash, begins a new segment; what has to be written once more goes there, under another key.
 * - Two segments have the same key only if the 16 random bytes repeat, and with them salt, first sequence and millisecond. So even a
 *   machine that was copied while it ran, its random source included, does not repeat a key.
 * - A segment has at most 2^32 frames, and a key seals no more than those.
 *
 * The key being bound to the header and the nonce to the index, a frame opens only at its own place of its own segment. Nothing
 * here tells whether whole segments were taken away or put back.
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync } from "node:crypto";
import type { JournalKey } from "./journal-keys.ts";

export const tagBytes = 16;
export const seedBytes = 16;

const algorithm = "aes-256-gcm";
const options = { authTagLength: tagBytes };

export type SegmentCipher = {
  /** Encrypts a payload in its place; its tag comes behind it. */
  readonly seal: (payload: Buffer, index: number, tag: Buffer) => void;
  /** Null when it was not sealed under this key, for this index, with these bytes. */
  readonly open: (sealed: Buffer, index: number) => Buffer | null;
};

/** `statement`: what the header says of the segment, byte by byte. */
export const createSegmentCipher = (
  { secret }: JournalKey,
  seed: Buffer,
  statement: Buffer,
): SegmentCipher => {
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", secret, seed, statement, 32)));
  const nonce = Buffer.alloc(12);

  const seal = (payload: Buffer, index: number, tag: Buffer): void => {
    nonce.writeUInt32BE(index, 8);
    const cipher = createCipheriv(algorithm, key, nonce, options);
    payload.set(cipher.update(payload));
    cipher.final();
    tag.set(cipher.getAuthTag());
  };

  const open = (sealed: Buffer, index: number): Buffer | null => {
    const end = sealed.length - tagBytes;
    if (end < 0) return null;
    nonce.writeUInt32BE(index, 8);
    const decipher = createDecipheriv(algorithm, key, nonce, options);
    decipher.setAuthTag(sealed.subarray(end));
    const payload = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
      return payload;
    } catch {
      // Node's only way to say that the tag is another.
      return null;
    }
  };

  return { seal, open };
};

/** The payload of a frame in a segment that may or may not be encrypted. */
export const openPayload = (
  cipher: SegmentCipher | null,
  { payload, index }: { readonly payload: Buffer; readonly index: number },
): Buffer | null => (cipher === null ? payload : cipher.open(payload, index));
