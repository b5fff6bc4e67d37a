import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import type { Presented } from "../../src/core/presented.ts";
import { createAdmission } from "../../src/core/signature.ts";
import {
  flip,
  flippedText,
  now,
  rulesWith,
  signedBy,
  type Vector,
  vectors,
  verdict,
} from "../support/admission.ts";

const queryOf = (query: Vector["query"]): string => new URLSearchParams(query).toString();
const presentedBy = (vector: Vector, given: Partial<Presented> = {}, text = vector.hex): Presented =>
  signedBy(vector.timestamp, text, {
    query: queryOf(vector.query),
    body: Buffer.from(vector.body),
    ...given,
  });
const bitsOf = (text: string | Buffer): number[] =>
  Array.from({ length: Buffer.byteLength(text) * 8 }, (_, bit) => bit);

/** The delivery with one bit of one part flipped, for each bit. */
function* flipped(vector: Vector): Generator<Presented> {
  for (const text of [vector.hex, vector.base64])
    for (const bit of bitsOf(text)) yield presentedBy(vector, {}, flippedText(text, bit));
  const digest = Buffer.from(vector.hex, "hex");
  for (const bit of bitsOf(digest))
    for (const encoding of ["hex", "base64"] as const)
      yield presentedBy(vector, {}, flip(digest, bit).toString(encoding));
  for (const bit of bitsOf(vector.body))
    yield presentedBy(vector, { body: flip(Buffer.from(vector.body), bit) });
  for (const bit of bitsOf(vector.timestamp)) {
    const timestamp = flippedText(vector.timestamp, bit);
    yield { ...presentedBy(vector), headers: signedBy(timestamp, vector.hex).headers };
  }
  // Keys of the query only give the order: their bits are not signed.
  for (const [name, value] of Object.entries(vector.query))
    for (const bit of bitsOf(value))
      yield presentedBy(vector, { query: queryOf({ ...vector.query, [name]: flippedText(value, bit) }) });
}

for (const vector of vectors) {
  const hmacKeys = [{ name: "main", secret: vector.secret }];

  test(`P5: vector ${vector.name}: with any one bit flipped it is refused`, () => {
    const admit = createAdmission(rulesWith({ hmacKeys }));
    let flips = 0;
    for (const presented of flipped(vector)) {
      const result = admit(presented, now);
      assert.deepEqual(result.ok ? presented : result.code, "signature-mismatch");
      flips += 1;
    }
    assert.ok(flips > 2000, `${flips}`);
    assert.equal(admit(presentedBy(vector), now).ok, true, "and unflipped it is admitted");
  });

  test(`P5: vector ${vector.name}: under a key with any one bit flipped it is refused`, () => {
    for (const bit of bitsOf(vector.secret)) {
      const other = flip(Buffer.from(vector.secret), bit).toString("latin1");
      const keys = [{ name: "main", secret: other }];
      assert.equal(verdict({ hmacKeys: keys }, presentedBy(vector)), "signature-mismatch");
    }
  });

  test(`P5: vector ${vector.name}: the same JSON written anew is refused`, () => {
    const value: unknown = JSON.parse(vector.body);
    const anew = [
      JSON.stringify(value, null, 2),
      JSON.stringify(value, null, 1).replaceAll(/\n */g, ""),
      `${vector.body}\n`,
      ` ${vector.body}`,
      `\uFEFF${vector.body}`,
      vector.body.replace("E", String.raw`\u0045`),
    ];
    for (const body of anew) {
      assert.deepEqual(JSON.parse(body.replace("\uFEFF", "")), value);
      assert.equal(
        verdict({ hmacKeys }, presentedBy(vector, { body: Buffer.from(body) })),
        "signature-mismatch",
      );
    }
  });
}

test("P5: the right body under another source's key gets that source's name, whatever the order of the keys", () => {
  const hmacKeys = ["app", "webhook", "old"].map((name) => ({ name, secret: `the-secret-of-${name}` }));
  const body = Buffer.from("{}");
  const timestamp = String(now);
  for (const { name, secret } of hmacKeys) {
    const text = createHmac("sha256", secret).update(timestamp).update(body).digest("base64");
    for (const keys of [hmacKeys, hmacKeys.toReversed()])
      assert.equal(verdict({ hmacKeys: keys }, signedBy(timestamp, text, { body })), `ok ${name}`);
  }
});

test("P5: bytes cannot be moved from the body into the timestamp under the same signature", () => {
  const [vector] = vectors;
  assert.ok(vector !== undefined);
  const hmacKeys = [{ name: "main", secret: vector.secret }];
  for (let moved = 1; moved < vector.body.length; moved += 1) {
    const timestamp = vector.timestamp + vector.body.slice(0, moved);
    const body = Buffer.from(vector.body.slice(moved));
    const presented = signedBy(timestamp, vector.hex, { body });
    assert.equal(verdict({ hmacKeys }, presented), "signature-mismatch");
  }
});
