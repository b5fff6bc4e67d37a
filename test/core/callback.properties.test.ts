import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { readCallback } from "../../src/core/callback.ts";
import { envelopeTable, templateTable } from "../../src/core/payload.ts";
import { isSensitive, type Sensitive } from "../../src/core/redact.ts";
import { bytesOf } from "../support/callbacks.ts";
import { canonicalFixtures, throughAvro, valueOf, variantFixtures } from "../support/fixtures.ts";

const modes: readonly Sensitive[] = ["mask", "publish"];

/** Whatever was read is a value of its schema, and the same after a trip through Avro. */
const checkBody = (body: Buffer) => {
  for (const sensitive of modes) {
    const result = readCallback(body, sensitive);
    if (!result.ok) continue;
    assert.ok(JSON.stringify(result.value.fields).isWellFormed());
    assert.deepEqual(throughAvro(result.value), JSON.parse(JSON.stringify(valueOf(result.value))));
  }
};

test("property P4: any bytes are refused or become a value of their schema", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => checkBody(Buffer.from(bytes))));
});

test("property P4: any JSON is refused or becomes a value of its schema", () => {
  fc.assert(fc.property(fc.json({ stringUnit: "binary" }), (text) => checkBody(Buffer.from(text))));
});

const fixtures = [...canonicalFixtures, ...variantFixtures];
const fixture = fc.constantFrom(...fixtures);

test("property P4: a fixture with any bytes changed is refused or becomes a value of its schema", () => {
  const change = fc.tuple(fc.nat(4000), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fixture, fc.array(change, { maxLength: 4 }), fc.nat(4000), ({ body }, changes, cut) => {
      const bytes = Buffer.from(body);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      checkBody(bytes);
      checkBody(bytes.subarray(0, cut));
    }),
  );
});

type Change = (value: unknown) => unknown;
/** Applies a change to the n-th value of a tree, counted in writing order. */
const changedAt = (value: unknown, at: number, change: Change): unknown => {
  let left = at;
  const walk = (inner: unknown): unknown => {
    if (left-- === 0) return change(inner);
    if (Array.isArray(inner)) return inner.map(walk);
    if (typeof inner !== "object" || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, walk(item)]));
  };
  return walk(value);
};

const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.jsonValue({ stringUnit: "binary" }).map((instead) => () => instead),
  fc.constantFrom<Change>(
    (value) => [value],
    (value) => [value, value],
    (value) => ({ data: value }),
    (value) => JSON.stringify(value),
    (value) => String(value),
    (value) => ({ envelopeId: "e-9", event: "x", description: value, accessCode: value }),
  ),
);

test("property P4: a fixture with any values changed is refused or becomes a value of its schema", () => {
  const places = fc.array(fc.tuple(fc.nat(60), changes), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fixture, places, ({ body }, all) => {
      const start: unknown = JSON.parse(body.toString());
      checkBody(bytesOf(all.reduce((payload, [at, change]) => changedAt(payload, at, change), start)));
    }),
    { numRuns: 500 },
  );
});

// Keys that mean something, keys that look like them, and others.
const knownKeys = [...envelopeTable.entries.keys(), ...templateTable.entries.keys()];
const signerKeys = [
  "userEmail",
  "phoneNumber",
  "number",
  "signOrder",
  "signFiles",
  "fileName",
  "authModes",
  "signDate",
];
const oddKeys = ["data", "delegate", "x", "__proto__", "toString", "0", "Envelope Status", "SIGNER_LIST"];
const key = fc.constantFrom(
  ...[...knownKeys, ...signerKeys, ...oddKeys].filter((name) => !isSensitive(name)),
);

const trees = (leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 5 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 3 }).map((inner) => JSON.stringify(inner)),
    ),
  })).tree;

const marked = (tree: unknown): { readonly payload: unknown; readonly markers: readonly string[] } => {
  const markers: string[] = [];
  const mark = (value: unknown): unknown => {
    if (value === "marker" || value === "number") {
      const marker = value === "marker" ? `marker-${markers.length}-` : String(7_000_000 + markers.length);
      markers.push(marker);
      return value === "marker" ? marker : Number(marker);
    }
    if (typeof value === "string") return JSON.stringify(mark(JSON.parse(value)));
    if (Array.isArray(value)) return value.map(mark);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mark(inner)]));
  };
  return { payload: mark(tree), markers };
};

const heads = fc.constantFrom<object>(
  { event: "ENVELOPE_START", envelopeId: "e-1" },
  { callBackEnum: "ENVELOPE_UPDATE", callBackDesc: "ENVELOPE_DECLINED", envelopeId: "e-1" },
  { callBackEnum: "TEMPLATE", callBackDesc: "TEMPLATE_FILL_RESULT", taskId: "t-1" },
  { event: "NEW" },
);

test("property P3: every leaf of a payload is in a field or in what is left over", () => {
  const leaf = fc.constantFrom<unknown>("marker", "number", "marker", null);
  const bodies = fc.dictionary(key, trees(leaf), { maxKeys: 6 });
  fc.assert(
    fc.property(heads, bodies, (head, body) => {
      const { payload, markers } = marked({ ...body });
      const sent = { ...head, rest: payload, ...(typeof payload === "object" ? payload : {}), ...head };
      const result = readCallback(bytesOf(sent), "publish");
      assert.ok(result.ok);
      const text = JSON.stringify(result.value);
      for (const marker of markers) assert.ok(text.includes(marker), `${marker} of ${JSON.stringify(sent)}`);
      checkBody(bytesOf(sent));
    }),
    { numRuns: 1000 },
  );
});

test("property P5: what stands under a sensitive key, wherever that is, never comes out", () => {
  const canary = "canary-7f3a";
  const names = fc.constantFrom(
    "accessCode",
    "Access Code",
    "ACCESS_CODES",
    "downloadUrl",
    "x_download-url2",
  );
  const secrets = fc.oneof(trees(fc.constant(canary)), fc.constant(canary));
  const bodies = fc.dictionary(key, trees(fc.constantFrom<unknown>("secret", "secret", 1)), {
    minKeys: 1,
    maxKeys: 6,
  });
  fc.assert(
    fc.property(heads, bodies, fc.tuple(names, secrets), (head, body, [name, secret]) => {
      const hide = (value: unknown): unknown => {
        if (value === "secret") return { [name]: secret, userEmail: "a@x" };
        if (typeof value === "string") return JSON.stringify(hide(JSON.parse(value)));
        if (Array.isArray(value)) return value.map(hide);
        if (typeof value !== "object" || value === null) return value;
        return Object.fromEntries(Object.entries(value).map(([inner, item]) => [inner, hide(item)]));
      };
      const sent = {
        ...Object.fromEntries(Object.entries(body).map(([inner, item]) => [inner, hide(item)])),
        ...head,
      };
      const result = readCallback(bytesOf(sent), "mask");
      assert.ok(result.ok);
      assert.ok(!JSON.stringify(result.value).includes(canary), JSON.stringify(sent));
    }),
    { numRuns: 1000 },
  );
});
