import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeKey, faultOfMessage, type Recipe } from "../../src/core/recipe.ts";
import { flip, now, present, verdict } from "../support/admission.ts";

// The vector and the cases that the libraries of the specification share: github.com/standard-webhooks/standard-webhooks.
const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const timestamp = "1614265330";
const body = Buffer.from('{"test": 2432232314}');
const key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const other = "Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
const standard = {
  hmacScheme: "standard-webhooks",
  hmacKeys: [{ name: "main", secret: `whsec_${key}` }],
} as const;
const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
const given = (changed: Record<string, string | undefined>) =>
  present({ body, headers: { ...headers, ...changed } });

test("P5: standard-webhooks: the vector of the specification's libraries is admitted, with and without whsec_", () => {
  assert.equal(verdict(standard, given({})), "ok main");
  const bare = { ...standard, hmacKeys: [{ name: "bare", secret: key }] };
  assert.equal(verdict(bare, given({})), "ok bare");
});

test("P5: standard-webhooks: one of several signatures must match, in version 1", () => {
  const several = `v1,${other} v2,${other} ${signature} v1,${other}`;
  assert.equal(verdict(standard, given({ "webhook-signature": several })), "ok main");
  for (const wrong of [
    `v1,${other} v2,${other}`,
    signature.replace("v1,", "v2,"),
    signature.replace("v1,", "v1a,"),
    signature.replace("v1,", ""),
    signature.slice(0, 8),
    "v1,",
    "v1,dawfeoifkpqwoekfpqoekf",
    `${signature},${signature}`,
    Buffer.from(signature.slice(3), "base64").toString("hex"),
  ])
    assert.equal(verdict(standard, given({ "webhook-signature": wrong })), "signature-mismatch", wrong);
});

test("P5: standard-webhooks: id, timestamp and body are signed, and each header is needed", () => {
  for (const name of Object.keys(headers))
    assert.equal(verdict(standard, given({ [name]: undefined })), "signature-missing", name);
  assert.equal(verdict(standard, given({ "webhook-id": `${id}x` })), "signature-mismatch");
  assert.equal(verdict(standard, given({ "webhook-timestamp": "1614265331" })), "signature-mismatch");
  for (let bit = 0; bit < body.length * 8; bit += 1)
    assert.equal(verdict(standard, { ...given({}), body: flip(body, bit) }), "signature-mismatch");
});

test("P5: standard-webhooks: the window is HMAC_MAX_AGE_MS, and its timestamp is in seconds", () => {
  const at = Number(timestamp) * 1000;
  const window = { ...standard, hmacMaxAgeMs: 300_000 };
  assert.equal(verdict(standard, given({}), at * 2), "ok main", "none by default");
  for (const ms of [-300_000, 0, 300_000]) assert.equal(verdict(window, given({}), at + ms), "ok main");
  for (const ms of [-300_001, 300_001])
    assert.equal(verdict(window, given({}), at + ms), "timestamp-outside-window");
});

const recipes = fc.record({
  algorithm: fc.constantFrom("sha256", "sha512"),
  message: fc.constantFrom(
    "{timestamp}{query}{body}",
    "{timestamp}.{body}",
    "{body}",
    "{body}{timestamp}",
    "v0:{timestamp}:{body}:{query}",
    "{timestamp}\n{query}\n{body}",
  ),
  prefix: fc.constantFrom("", "sha256=", "HMAC "),
  encoding: fc.constantFrom("hex", "base64", "any"),
  keyEncoding: fc.constantFrom("text", "hex", "base64"),
});
type Drawn = typeof recipes extends fc.Arbitrary<infer T> ? T : never;
const recipeOf = (drawn: Drawn): Recipe => ({
  ...drawn,
  signatureHeader: "x-sign",
  timestampHeader: drawn.message.includes("{timestamp}") ? "x-time" : null,
  idHeader: null,
  several: false,
});
const keyBytes = Buffer.from("0123456789abcdef0123456789abcdef");
const written = {
  text: keyBytes.toString(),
  hex: keyBytes.toString("hex"),
  base64: keyBytes.toString("base64"),
};

/** Written independently of the code that is tested. */
const signWith = ({ algorithm, message, encoding, prefix }: Drawn, sent: Buffer) => {
  const parts = message.split(/(\{\w+\})/).map((part) => {
    if (part === "{body}") return sent;
    return part === "{timestamp}" ? String(now) : part === "{query}" ? "21" : part;
  });
  const hmac = createHmac(algorithm, keyBytes);
  for (const part of parts) hmac.update(part);
  const digest = hmac.digest();
  return { digest, text: prefix + digest.toString(encoding === "any" ? "hex" : encoding) };
};

test("P5: custom: what is signed by a recipe is admitted under it, and with one flipped bit it is not", () => {
  fc.assert(
    fc.property(recipes, fc.uint8Array({ minLength: 1 }), fc.nat(2 ** 20), (drawn, bytes, bit) => {
      const sent = Buffer.from(bytes);
      const { digest, text } = signWith(drawn, sent);
      const rules = {
        hmacScheme: recipeOf(drawn),
        hmacKeys: [
          { name: "old", secret: written[drawn.keyEncoding].toUpperCase().replace("3", "4") },
          { name: "main", secret: written[drawn.keyEncoding] },
        ],
      };
      if (drawn.keyEncoding === "base64") rules.hmacKeys.shift();
      const query = "b=1&a=2";
      const by = (signed: string, content: Buffer = sent) =>
        present({ query, body: content, headers: { "x-time": String(now), "x-sign": signed } });
      assert.equal(verdict(rules, by(text)), "ok main");
      assert.equal(verdict(rules, by(text, flip(sent, bit))), "signature-mismatch");
      const encoding = drawn.encoding === "any" ? "base64" : drawn.encoding;
      assert.equal(verdict(rules, by(drawn.prefix + digest.toString(encoding))), "ok main");
      const wrong = drawn.prefix + flip(digest, bit).toString(encoding);
      assert.equal(verdict(rules, by(wrong)), "signature-mismatch");
      if (drawn.prefix !== "") {
        assert.equal(verdict(rules, by(digest.toString(encoding))), "signature-mismatch");
        assert.equal(verdict(rules, by(text.toLowerCase().replace("a", "A"))), "signature-mismatch");
      }
    }),
  );
});

test("P5: custom: only the encoding that is named is taken, and a digest of the other length never", () => {
  const drawn = {
    algorithm: "sha256",
    message: "{body}",
    prefix: "",
    encoding: "any",
    keyEncoding: "text",
  } as const;
  const { digest } = signWith(drawn, body);
  const rules = (encoding: Recipe["encoding"], algorithm: Recipe["algorithm"] = "sha256") => ({
    hmacScheme: { ...recipeOf(drawn), encoding, algorithm },
    hmacKeys: [{ name: "main", secret: written.text }],
  });
  const by = (text: string) => present({ body, headers: { "x-sign": text } });
  assert.equal(verdict(rules("hex"), by(digest.toString("hex"))), "ok main");
  assert.equal(verdict(rules("hex"), by(digest.toString("base64"))), "signature-mismatch");
  assert.equal(verdict(rules("base64"), by(digest.toString("base64"))), "ok main");
  assert.equal(verdict(rules("base64"), by(digest.toString("hex"))), "signature-mismatch");
  assert.equal(verdict(rules("any", "sha512"), by(digest.toString("hex"))), "signature-mismatch");
  assert.equal(verdict(rules("any"), by(digest.toString("base64url"))), "signature-mismatch");
});

test("a key is taken only as it is written, and whole", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
      const bare = Buffer.from(bytes);
      const base64 = bare.toString("base64");
      for (const text of [base64, base64.replace(/=+$/, ""), `whsec_${base64}`])
        assert.deepEqual(decodeKey(text, "base64"), bare);
      for (const text of [bare.toString("hex"), bare.toString("hex").toUpperCase()])
        assert.deepEqual(decodeKey(text, "hex"), bare);
      for (const text of [`${base64}!`, ` ${base64}`, `${base64}====`])
        assert.equal(decodeKey(text, "base64"), null, text);
    }),
  );
  for (const text of ["", "abc", "0g", "whsec_"]) assert.equal(decodeKey(text, "hex"), null, text);
  assert.equal(decodeKey("whsec_", "base64"), null);
  assert.deepEqual(decodeKey("whsec_ab", "text"), Buffer.from("whsec_ab"));
});

test("P5: a message without the body, or with something unknown or twice, is none", () => {
  assert.equal(faultOfMessage("a{query}b{body}c{timestamp}"), null);
  for (const message of [
    "",
    "{timestamp}",
    "{body}{body}",
    "{timestamp}{timestamp}{body}",
    "{id}{body}",
    "{Body}",
  ])
    assert.notEqual(faultOfMessage(message), null, message);
});
