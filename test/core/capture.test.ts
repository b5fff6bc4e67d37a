import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Delivery, toCaptured } from "../../src/core/capture.ts";
import { shapeOf } from "../../src/core/shapes.ts";

const hex = "0123456789abcdef".repeat(4);
const base64 = "F655D4zLND7scG7WvUW2ipzO1C6gdYj1XunCvCaaIKY=";
const shapes: readonly (readonly [string, string])[] = [
  ["", "empty"],
  ["1713508339505", "digits 13"],
  [hex, "hex 64"],
  [hex.toUpperCase(), "HEX 64"],
  [base64, "Base64 44"],
  [Buffer.from(hex).toString("base64"), "Base64 88"],
  [base64.replace("=", "").replace("4", "-"), "Base64url 43"],
  ["4150a67c-d4f0-45e6-88e9-541ce6d0c73c", "UUID 36"],
  [`sha256=${hex}`, "sha256=hex 64"],
  [`v1,${base64}`, "v1,Base64 44"],
  [`v1,${base64} v1a,${base64}`, "v1,Base64 44 v1a,Base64 44"],
  [`t=1713508339,v1=${hex}`, "t=digits 10,v1=hex 64"],
  ["Bearer open-sesame", "Bearer text 11"],
  ["Basic bWFpbjpz", "Basic text 8"],
  ["application/json; charset=UTF-8", "text 31"],
  ["Apache-HttpClient/4.5.13 (Java/1.8.0_201)", "text 41"],
  ["hmac-sha256", "text 11"],
];
for (const [text, shape] of shapes)
  test(`the shape of ${JSON.stringify(text.slice(0, 40))} is ${shape}`, () =>
    assert.equal(shapeOf(text), shape));

const token = fc.stringMatching(/^[A-Za-z0-9]{10,40}$/);
const delivery = (given: Partial<Delivery>): Delivery => ({
  method: "POST",
  url: "/callback",
  rawHeaders: [],
  bodyBytes: 2,
  outcome: "published",
  ...given,
});

test("P5: a secret is in no line, wherever in the request it stands", () => {
  const places: readonly ((secret: string) => Partial<Delivery>)[] = [
    (secret) => ({ url: `/callback/${secret}` }),
    (secret) => ({ url: `/somewhere/${secret}/else` }),
    (secret) => ({ url: `/${secret}` }),
    (secret) => ({ url: `/callback?token=${secret}` }),
    (secret) => ({ url: `/callback?${secret}` }),
    (secret) => ({ url: `/callback?a=1&b=2?${secret}` }),
    (secret) => ({ url: `/callback?${secret}%20${secret}=1` }),
    (secret) => ({ url: `/callback;${secret}` }),
    (secret) => ({ rawHeaders: ["Authorization", `Bearer ${secret}`] }),
    (secret) => ({ rawHeaders: ["Authorization", `Basic ${secret}`] }),
    (secret) => ({ rawHeaders: ["Cookie", `a=${secret}; b=${secret}`] }),
    (secret) => ({ rawHeaders: ["X", `v1,${secret} v1=${secret}`] }),
    (secret) => ({ rawHeaders: ["X", `whsec_${secret}`] }),
  ];
  for (const place of places)
    fc.assert(
      fc.property(token, (secret) => {
        const line = JSON.stringify(toCaptured(delivery(place(secret)), "/callback"));
        assert.ok(!line.includes(secret), line);
      }),
      { numRuns: 50 },
    );
});

test("the line tells method, path, names, lengths and shapes", () => {
  const rawHeaders = ["Host", "x", "X-Tsign-Open-SIGNATURE", hex, "X-Tsign-Open-TIMESTAMP", "1713508339505"];
  const url = `/callback/${"a".repeat(30)}-_?orderNo=001&belong=pinjie&${hex}=1&flag`;
  assert.deepEqual(toCaptured(delivery({ url, rawHeaders, outcome: "signature-missing" }), "/callback"), {
    outcome: "signature-missing",
    method: "POST",
    path: "/callback/<text 32>",
    query: ["orderNo: digits 3", "belong: text 6", "<hex 64>: digits 1", "<text 4>: empty"],
    headers: ["Host: text 1", "X-Tsign-Open-SIGNATURE: hex 64", "X-Tsign-Open-TIMESTAMP: digits 13"],
    bodyBytes: 2,
  });
});

test("P9: the line is bounded, whatever is sent", () => {
  const many = Array.from({ length: 4000 }, (_, i) => `n${i}`);
  const bounded = toCaptured(
    delivery({ url: `${"/x".repeat(4000)}?${many.join("=1&")}=1`, rawHeaders: many }),
    "/callback",
  );
  assert.ok(JSON.stringify(bounded).length < 6000, `${JSON.stringify(bounded).length}`);
  assert.equal(bounded.headers.at(-1), "and 1936 more");
  const long = toCaptured(delivery({ rawHeaders: ["n".repeat(10_000), "v ".repeat(5000)] }), "/callback");
  assert.deepEqual(long.headers, [`${"n".repeat(64)}…: text 10000`]);
});
