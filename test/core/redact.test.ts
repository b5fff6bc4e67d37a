import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isSensitive, sensitiveFields, toSafeJson, toSafeSecret, toSafeText } from "../../src/core/redact.ts";

const code = "482913";

test("P5: a sensitive field is known in every spelling, also inside a longer name", () => {
  for (const name of [
    "accessCode",
    "AccessCode",
    "ACCESS_CODE",
    "access code",
    "Access-Code",
    "signerAccessCodes",
    "ａｃｃｅｓｓＣｏｄｅ",
    "acce\u017fsCode",
    "downloadUrl",
    "download_url",
    "fileDownloadURL2",
  ]) {
    assert.ok(isSensitive(name), name);
  }
});

test("other names are not sensitive", () => {
  for (const name of ["", "access", "code", "countryCode", "url", "download", "authModes"]) {
    assert.ok(!isSensitive(name), name);
  }
});

test("P5: the value under a sensitive name is masked, whatever it is", () => {
  for (const value of [code, 482_913, true, { value: code }, [code]]) {
    assert.equal(toSafeJson({ a: [{ accessCode: value }] }, "mask"), '{"a":[{"accessCode":"***"}]}');
  }
});

test("a null under a sensitive name stays: there was no secret", () => {
  assert.equal(toSafeJson({ accessCode: null }, "mask"), '{"accessCode":null}');
});

test("P5: a text that is JSON is masked inside, as deep as texts are nested", () => {
  const once = JSON.stringify({ accessCode: code, a: 1 });
  const twice = JSON.stringify({ inner: once });
  assert.equal(toSafeJson({ once }, "mask"), JSON.stringify({ once: '{"accessCode":"***","a":1}' }));
  assert.ok(!toSafeJson({ twice: JSON.stringify(twice) }, "mask").includes(code));
});

test("P5: a name written with escapes is found", () => {
  assert.ok(!toSafeJson({ text: `{"access\\u0043ode":"${code}"}` }, "mask").includes(code));
  assert.equal(toSafeJson({ text: `{"access\\u0043ode":"${code}"` }, "mask"), '{"text":"***"}');
  const deep = JSON.stringify({ text: `{"access\\u0043ode":"${code}"}` });
  assert.ok(!toSafeJson({ deep }, "mask").includes(code));
});

test("P5: a key sent twice does not carry its first value past the mask", () => {
  const text = `{"accessCode":"${code}","accessCode":null}`;
  assert.equal(toSafeJson({ text }, "mask"), '{"text":"{\\"accessCode\\":null}"}');
});

test("P5: a text that speaks of a sensitive field and is no JSON is masked wholly", () => {
  assert.equal(toSafeJson({ note: `Access code: ${code}` }, "mask"), '{"note":"***"}');
  assert.equal(
    toSafeJson({ note: "https://files.example.com/?download%20url=1&download-url=x" }, "mask"),
    '{"note":"***"}',
  );
});

test("P5: what stands beside the name of a sensitive field may be its value", () => {
  assert.equal(
    toSafeJson({ type: "ACCESS_CODE", value: code, at: null }, "mask"),
    '{"type":"***","value":"***","at":null}',
  );
  assert.equal(toSafeJson([["accessCode", code]], "mask"), '[["***","***"]]');
});

test("P5: nested too deep to be looked through is masked", () => {
  const nested = (levels: number, inner: unknown): unknown =>
    levels === 0 ? inner : nested(levels - 1, [inner]);
  assert.ok(!toSafeJson(nested(400, code), "mask").includes(code));
  const text = JSON.stringify(nested(100, { accessCode: code }));
  assert.equal(toSafeJson({ text }, "mask"), '{"text":"***"}');
});

test("other values are written as they are", () => {
  const value = { a: [1, "two", null, { b: true }], "": 0.5 };
  assert.equal(toSafeJson(value, "mask"), JSON.stringify(value));
});

test("published means: as sent", () => {
  const value = { accessCode: code, note: `access code: ${code}`, text: `{"downloadUrl":"x"}` };
  assert.equal(toSafeJson(value, "publish"), JSON.stringify(value));
  assert.equal(toSafeSecret(code, "publish"), code);
  assert.equal(toSafeText(`{"accessCode":"${code}"}`, "publish"), `{"accessCode":"${code}"}`);
});

test("P5: a text with a field of its own may speak of an access code, but hold none", () => {
  const prose = "Access code entered wrongly five times";
  assert.equal(toSafeText(prose, "mask"), prose);
  assert.equal(toSafeText(`{"accessCode":"${code}","a":1}`, "mask"), '{"accessCode":"***","a":1}');
  assert.equal(toSafeText(`Failed: {accessCode=${code}}`, "mask"), "***");
});

test("P4: broken surrogates are mended, in values and in keys, and two keys stay two", () => {
  for (const sensitive of ["mask", "publish"] as const) {
    const json = toSafeJson({ "\ud800": "a\ud800", "\ud801": 2 }, sensitive);
    const parsed: unknown = JSON.parse(json);
    assert.deepEqual(parsed, { "\\ud800": "a\ufffd", "\\ud801": 2 });
  }
});

test("a key named __proto__ is kept, and changes nothing else", () => {
  const value: unknown = JSON.parse('{"__proto__":{"accessCode":"x"},"a":1}');
  assert.equal(toSafeJson(value, "mask"), '{"__proto__":{"accessCode":"***"},"a":1}');
});

test("property P5: a canary under a sensitive key, spelled oddly, at any depth, never comes out", () => {
  const canary = "canary-7f3a";
  const spelled = fc
    .tuple(
      fc.constantFrom(...sensitiveFields),
      fc.array(fc.constantFrom("_", " ", "-", ".", ""), { minLength: 12, maxLength: 12 }),
      fc.boolean(),
    )
    .map(([name, gaps, upper]) => {
      const letters = name.split("").map((letter, index) => letter + (gaps[index] ?? ""));
      return upper ? letters.join("").toUpperCase() : letters.join("");
    });
  const secret = fc.constantFrom<unknown>(canary, [canary], { a: { b: canary } }, `{"x":"${canary}"}`);
  const step = fc.constantFrom(
    (inner: unknown): unknown => ({ data: inner, a: 1 }),
    (inner: unknown): unknown => [1, inner],
    (inner: unknown): unknown => JSON.stringify(inner),
  );
  fc.assert(
    fc.property(spelled, secret, fc.array(step, { maxLength: 8 }), (key, value, steps) => {
      const start: unknown = { [key]: value };
      const wrapped = steps.reduce((inner, wrap) => wrap(inner), start);
      assert.ok(!toSafeJson(wrapped, "mask").includes(canary));
      assert.ok(toSafeJson(wrapped, "publish").includes(canary));
    }),
  );
});

test("property P4: whatever the value, the text is well-formed JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      for (const sensitive of ["mask", "publish"] as const) {
        const json = toSafeJson(value, sensitive);
        assert.ok(json.isWellFormed());
        JSON.parse(json);
      }
    }),
  );
});
