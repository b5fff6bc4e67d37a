import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { flip, now, present, secret, signatureHeader, signedBy } from "../support/admission.ts";
import { timestampHeader, vectors, verdict } from "../support/admission.ts";

const sign = (timestamp: string, preamble: string, body: Buffer): string =>
  createHmac("sha256", secret).update(timestamp).update(preamble).update(body).digest("hex");
const timestamp = String(now);
const body = Buffer.from("{}");
const good = sign(timestamp, "", body);

test("there are vectors", () => assert.ok(vectors.length >= 3));
for (const vector of vectors)
  test(`P5: vector: ${vector.name}, in hex and Base64, under any of several keys`, () => {
    const query = new URLSearchParams(vector.query).toString();
    const hmacKeys = [
      { name: "old", secret: "another-secret-of-16-bytes" },
      { name: "new", secret: vector.secret },
    ];
    const given = { query, body: Buffer.from(vector.body) };
    for (const text of [vector.hex, vector.hex.toUpperCase(), vector.base64]) {
      assert.equal(verdict({ hmacKeys }, signedBy(vector.timestamp, text, given)), "ok new");
      assert.equal(verdict({}, signedBy(vector.timestamp, text, given)), "signature-mismatch");
    }
  });

test("P5: values of the query are signed decoded, in the order of their keys, repeats as sent", () => {
  const signature = sign(timestamp, "a b2é1", body);
  assert.equal(verdict({}, signedBy(timestamp, signature, { query: "b=2&c=%C3%A9&a=a+b&d=1" })), "ok main");
  const repeats = sign(timestamp, "Z21", body);
  assert.equal(verdict({}, signedBy(timestamp, repeats, { query: "a=2&B=Z&a=1" })), "ok main");
  assert.equal(verdict({}, signedBy(timestamp, good, { query: "a=1" })), "signature-mismatch");
});

test("P5: a header that is missing, empty or an array is a signature that is missing", () => {
  for (const headers of [
    {},
    { [timestampHeader]: timestamp },
    { [signatureHeader]: good },
    { [timestampHeader]: timestamp, [signatureHeader]: "" },
    { [timestampHeader]: timestamp, [signatureHeader]: [good, good] },
  ])
    assert.equal(verdict({}, present({ headers })), "signature-missing");
});

test("P5: a signature sent twice, in mixed case, cut or with spaces is none", () => {
  const mixed = good.replace(/[a-f]/, (letter) => letter.toUpperCase());
  const base64 = Buffer.from(good, "hex").toString("base64");
  for (const text of [
    `${good}, ${good}`,
    mixed,
    good.slice(2),
    `${good} `,
    base64.slice(0, -1),
    `=${base64}`,
  ])
    assert.equal(verdict({}, signedBy(timestamp, text)), "signature-mismatch", text);
});

test("P5: one flipped bit of body, timestamp or signature is refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(2 ** 20), (bytes, bit) => {
      const sent = Buffer.from(bytes);
      const signature = sign(timestamp, "", sent);
      const inBytes = flip(Buffer.from(signature, "hex"), bit);
      const inText = flip(Buffer.from(timestamp), bit).toString("latin1");
      assert.equal(verdict({}, signedBy(timestamp, signature, { body: sent })), "ok main");
      for (const presented of [
        signedBy(timestamp, signature, { body: flip(sent, bit) }),
        signedBy(inText, signature, { body: sent }),
        signedBy(timestamp, inBytes.toString("hex"), { body: sent }),
        signedBy(timestamp, inBytes.toString("base64"), { body: sent }),
        signedBy(timestamp, flip(Buffer.from(signature), bit).toString("latin1"), { body: sent }),
      ])
        assert.equal(verdict({}, presented), "signature-mismatch");
    }),
  );
});

test("P5: outside the window a true signature is refused, on both sides, and a false one says nothing of it", () => {
  const rules = { hmacMaxAgeMs: 1000 };
  assert.equal(verdict(rules, signedBy(timestamp, good), now + 1000), "ok main");
  assert.equal(verdict(rules, signedBy(timestamp, good), now - 1000), "ok main");
  assert.equal(verdict(rules, signedBy(timestamp, good), now + 1001), "timestamp-outside-window");
  assert.equal(verdict(rules, signedBy(timestamp, good), now - 1001), "timestamp-outside-window");
  assert.equal(verdict(rules, signedBy("soon", sign("soon", "", body))), "timestamp-outside-window");
  assert.equal(verdict(rules, signedBy("1", good)), "signature-mismatch");
  assert.equal(verdict({}, signedBy(timestamp, good), now * 2), "ok main");
});

const tokens = [
  { name: "one", secret: "first-token" },
  { name: "two", secret: "second-token" },
];
const byToken = { auth: ["token"], tokens } as const;
test("P5: a token admits as Bearer, in the query or in the path, and names its source", () => {
  const bearer = present({ headers: { authorization: "bearer second-token" } });
  assert.equal(verdict(byToken, bearer), "ok two");
  assert.equal(verdict(byToken, present({ query: "a=1&token=first-token" })), "ok one");
  assert.equal(verdict(byToken, present({ pathToken: "first-token" })), "ok one");
  assert.equal(verdict(byToken, present({})), "token-missing");
  assert.equal(verdict(byToken, present({ headers: { authorization: "Basic Zmlyc3Q=" } })), "token-missing");
  for (const pathToken of ["", "first-token ", "First-token", "first"])
    assert.equal(verdict(byToken, present({ pathToken })), "token-mismatch");
});

test("P5: several methods must all pass, and the first names the source", () => {
  const both = { auth: ["hmac", "token"], tokens } as const;
  assert.equal(verdict(both, signedBy(timestamp, good, { pathToken: "first-token" })), "ok main");
  assert.equal(verdict(both, signedBy(timestamp, good)), "token-missing");
  assert.equal(verdict(both, present({ pathToken: "first-token" })), "signature-missing");
});

test("under AUTH=none anyone is admitted, without a source", () => {
  assert.equal(verdict({ auth: [] }, present({})), "ok null");
});
