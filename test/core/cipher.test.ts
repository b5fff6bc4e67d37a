import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createSegmentCipher, openPayload, tagBytes, type SegmentCipher } from "../../src/core/cipher.ts";
import { statementOf } from "../../src/core/segment.ts";
import { keyLine, keysOf, oneKey } from "../support/journalKeys.ts";

const seed = Buffer.alloc(16, 7);
const [key] = oneKey;
const [other] = keysOf(keyLine("other"));
assert.ok(key !== undefined && other !== undefined);
const header = { salt: 1, first: 1000, createdAt: 1_700_000_000_000, encryption: { seed, keyId: key.id } };
const cipher = createSegmentCipher(key, seed, statementOf(header));

const sealed = (payload: Buffer, index: number, by: SegmentCipher = cipher): Buffer => {
  const bytes = Buffer.concat([payload, Buffer.alloc(tagBytes)]);
  by.seal(bytes.subarray(0, payload.length), index, bytes.subarray(payload.length));
  return bytes;
};

const payloads = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

test("P5: what was sealed opens as it was, at its own index only", () => {
  fc.assert(
    fc.property(payloads, fc.nat(1000), fc.nat(1000), (payload, index, elsewhere) => {
      const bytes = sealed(payload, index);
      assert.equal(bytes.length, payload.length + tagBytes);
      assert.deepEqual(openPayload(cipher, { payload: bytes, index }), payload);
      if (elsewhere !== index) assert.equal(cipher.open(bytes, elsewhere), null);
    }),
  );
});

test("P5: one bit changed anywhere, a cut, another key, seed or header, and it does not open", () => {
  const bytes = sealed(Buffer.from("payload"), 3);
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(cipher.open(changed, 3), null, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length += 1)
    assert.equal(cipher.open(bytes.subarray(0, length), 3), null);
  const changes = [{ salt: 2 }, { first: 1001 }, { createdAt: 1 }];
  const ciphers = [
    createSegmentCipher(other, seed, statementOf(header)),
    createSegmentCipher(key, Buffer.alloc(16, 8), statementOf(header)),
    ...changes.map((change) => createSegmentCipher(key, seed, statementOf({ ...header, ...change }))),
  ];
  for (const one of ciphers) assert.equal(one.open(bytes, 3), null);
});

test("P5: the same payload is another ciphertext in each place", () => {
  const payload = Buffer.from("the same bytes");
  const [here, there] = [sealed(payload, 1), sealed(payload, 2)];
  assert.notDeepEqual(here, there);
  const next = createSegmentCipher(key, Buffer.alloc(16, 8), statementOf(header));
  assert.notDeepEqual(sealed(payload, 1, next), here);
});
