import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { explain, formats, secretFormats } from "../../src/core/setting-formats.ts";

const all = Object.entries(formats).filter(([name]) => name !== "pem");

test("each format takes the example that it gives", () => {
  for (const [name, { example, parse }] of all) {
    // That of a key says how to make one: a key that is printed somewhere would be used.
    if (name !== "journalKeys") assert.ok("value" in parse(example), name);
  }
});

test("property: no text makes a format throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom(...all), (text, [, { parse }]) => {
      const parsed = parse(text);
      assert.ok("value" in parsed || parsed.wrong.length > 0);
    }),
  );
});

test("P5, property: what is said of a wrong secret does not hold it", () => {
  const secret = fc.stringMatching(/^[a-zA-Z0-9:, \0]{8,40}$/);
  fc.assert(
    fc.property(secret, fc.constantFrom(...secretFormats), (text, format) => {
      const said = explain({ name: "NAME", secret: true, rule: { type: "string", format } }, text);
      assert.ok(!said.includes(text.trim()) || text.trim().length < 6, said);
    }),
  );
});
