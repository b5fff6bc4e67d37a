import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { loadConfig } from "../../src/config.ts";
import { type Sample, searchRecipe } from "../../src/core/recipe-search.ts";
import { adviceOf } from "../../src/core/recipe-settings.ts";
import { createAdmission } from "../../src/core/signature.ts";
import { now, vectors } from "../support/admission.ts";

const least = { KAFKA_BROKERS: "kafka:9092", SCHEMA_REGISTRY_URL: "http://registry:8081" };
const keyBytes = Buffer.from("a-secret-of-more-than-sixteen-b!");
const written = {
  text: keyBytes.toString(),
  hex: keyBytes.toString("hex"),
  base64: keyBytes.toString("base64"),
};
const adviceFor = (sample: Sample) =>
  searchRecipe(sample).found.map((found) => adviceOf(found, sample.query));

/** What a bridge with the settings that were told says of the same delivery. */
const admittedUnder = (settings: Readonly<Record<string, string>>, sample: Sample): string => {
  const loaded = loadConfig({ ...least, ...settings, HMAC_KEYS: `main:${sample.secrets[0]}` });
  if (!loaded.ok) return loaded.problems.join("\n");
  const headers = Object.fromEntries(sample.headers);
  const result = createAdmission(loaded.config)({ ...sample, headers, pathToken: null }, now);
  return result.ok ? `ok ${result.value.source}` : result.code;
};

const parts = [
  ["timestamp", "query", "body"],
  ["timestamp", "body", "query"],
  ["query", "timestamp", "body"],
  ["query", "body", "timestamp"],
  ["body", "timestamp", "query"],
  ["body", "query", "timestamp"],
  ["timestamp", "body"],
  ["body", "timestamp"],
  ["query", "body"],
  ["body", "query"],
  ["body"],
] as const;
const drawn = fc.record({
  algorithm: fc.constantFrom("sha256", "sha512"),
  parts: fc.constantFrom(...parts),
  separator: fc.constantFrom("", ".", "\n"),
  encoding: fc.constantFrom("hex", "base64"),
  keyEncoding: fc.constantFrom("text", "hex", "base64"),
  prefix: fc.constantFrom("", "sha256=", "HMAC ", "v1,"),
  query: fc.constantFrom("", "b=1&a=2"),
  timestamp: fc.constantFrom(String(now), String(Math.floor(now / 1000))),
  body: fc.json().map((text) => Buffer.from(text)),
});

test("every recipe that the settings can say is found from one delivery, and the settings that are told admit it", () => {
  fc.assert(
    fc.property(drawn, (one) => {
      const values = {
        timestamp: one.timestamp,
        query: one.query === "" ? "" : "21",
        body: one.body.toString(),
      };
      const message = one.parts.map((part) => values[part]).join(one.separator);
      const text = createHmac(one.algorithm, keyBytes).update(message).digest(one.encoding);
      const sample: Sample = {
        headers: [
          ["host", "bridge"],
          ["x-request-id", "4150a67c-d4f0-45e6-88e9-541ce6d0c73c"],
          ["x-stamp", one.timestamp],
          ["x-trace", "f".repeat(64)],
          ["x-sign", one.prefix + text],
        ],
        query: one.query,
        body: one.body,
        secrets: [written[one.keyEncoding]],
      };
      const [advice, ...more] = adviceFor(sample);
      assert.deepEqual(more, []);
      assert.ok(advice?.settings, JSON.stringify(advice));
      assert.equal(admittedUnder(advice.settings, sample), "ok main");
      assert.ok(!advice.notes.some((note) => note.includes("raw")), advice.notes.join());
      assert.ok(!JSON.stringify(advice).includes(written[one.keyEncoding]), "P5: the secret is not in it");
    }),
    { numRuns: 150 },
  );
});

for (const { name, secret, timestamp, query, body, hex, base64 } of vectors)
  test(`the vector ${name} is found as the preset tsign`, () => {
    for (const text of [hex, base64]) {
      const headers = [
        ["x-tsign-open-timestamp", timestamp],
        ["x-tsign-open-signature", text],
      ] as const;
      const sample = {
        headers,
        query: new URLSearchParams(query).toString(),
        body: Buffer.from(body),
        secrets: [secret],
      };
      const [advice] = adviceFor(sample);
      assert.equal(advice?.settings?.["HMAC_SCHEME"], "tsign");
      assert.equal(admittedUnder(advice.settings, sample), "ok main");
    }
  });

const standard = {
  headers: [
    ["webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"],
    ["webhook-timestamp", "1614265330"],
    ["webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="],
  ],
  query: "",
  body: Buffer.from('{"test": 2432232314}'),
  secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
} as const satisfies Sample;

test("the vector of standard webhooks is found as that preset, alone or among several signatures", () => {
  const [id, time, [name, signature]] = standard.headers;
  const other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
  for (const text of [signature, `${other} ${signature}`, `${signature} ${other}`]) {
    const sample = { ...standard, headers: [id, time, [name, text]] } as const;
    const [advice] = adviceFor(sample);
    assert.deepEqual(advice, {
      settings: { AUTH: "hmac", HMAC_SCHEME: "standard-webhooks", HMAC_KEYS: "name:<the secret>" },
      notes: [],
    });
    assert.equal(admittedUnder(advice?.settings ?? {}, sample), "ok main");
  }
});

const signedBody = (text: string, header = "x-sign", prefix = ""): Sample["headers"] => [
  [header, prefix + createHmac("sha256", written.text).update(text).digest("hex")],
];

test("a signature over the same JSON written anew is found, and marked: the body must be raw", () => {
  const value = { b: "é/", a: [1, { c: null }] };
  const compact = JSON.stringify(value);
  const pretty = Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
  for (const [signed, how] of [
    [compact, "compact JSON"],
    [compact.replace("é", String.raw`\u00e9`), "compact JSON, non-ASCII escaped"],
    [compact.replace("/", String.raw`\/`), "compact JSON, slashes escaped"],
    ['{"a":[1,{"c":null}],"b":"é/"}', "compact JSON, keys sorted"],
    ['{"b": "é/", "a": [1, {"c": null}]}', "JSON with spaces"],
    [JSON.stringify(value, null, 4), "JSON indented by 4"],
    [JSON.stringify(value, null, 2), "without the white space around it"],
  ] as const) {
    const sample = { headers: signedBody(signed), query: "", body: pretty, secrets: [written.text] };
    const [found] = searchRecipe(sample).found;
    assert.equal(found?.bodyForm, how);
    const advice = adviceOf(found, "");
    assert.match(advice.notes.join(), /the body must be raw/);
    assert.equal(admittedUnder(advice.settings ?? {}, sample), "signature-mismatch", "P5");
    assert.equal(admittedUnder(advice.settings ?? {}, { ...sample, body: Buffer.from(signed) }), "ok main");
  }
});

test("what no setting can say is told as such", () => {
  const body = Buffer.from("{}");
  const base = { query: "", body, secrets: [written.text] };
  const url = createHmac("sha256", written.text).update(body).digest("base64url");
  const unsayable: readonly Sample["headers"][] = [
    signedBody("{}", "x-sign", "t=1713508339,v1="),
    [["x-sign", url]],
    [...signedBody("42.1713508339.{}", "x-sign", "v1="), ["x-message-id", "42"], ["x-time", "1713508339"]],
  ];
  for (const headers of unsayable) {
    const [advice, ...more] = adviceFor({ ...base, headers });
    assert.deepEqual(more, []);
    assert.equal(advice?.settings, null);
    assert.match(advice.notes.join(), /no setting can say this/);
  }
  const query = "b=1&a=2";
  const [inTextForm] = adviceFor({ ...base, query, headers: signedBody(`${query}{}`) });
  assert.match(inTextForm?.notes.join() ?? "", /use an address without a query/);
});

test("nothing is found under another key, in another body, or where nothing is a signature", () => {
  const headers = signedBody("{}");
  const sample = { headers, query: "", body: Buffer.from("{}"), secrets: [written.text] };
  assert.equal(searchRecipe(sample).found.length, 1);
  assert.deepEqual(searchRecipe({ ...sample, secrets: [`${written.text}x`] }).found, []);
  assert.deepEqual(searchRecipe({ ...sample, body: Buffer.from("[]") }).found, []);
  const none = searchRecipe({ ...sample, headers: [["host", "x"]] });
  assert.deepEqual([none.found, none.candidates, none.tried], [[], [], 0]);
});

test("never throws, whatever is in the files", () => {
  const names = fc.constantFrom("x-sign", "webhook-id", "date", "__proto__", "x-time");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(names, fc.oneof(fc.string({ unit: "binary" }), fc.constant("f".repeat(64))))),
      fc.string({ unit: "binary" }),
      fc.uint8Array(),
      (headers, text, bytes) => {
        const sample = { headers, query: text, body: Buffer.from(bytes), secrets: [text || "k"] };
        assert.deepEqual(searchRecipe(sample).found, []);
      },
    ),
  );
});
