import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bareName, nestsWithin, parseJson, parseJsonBytes, single, toObject } from "../../src/core/json.ts";

const parsed = (text: string): unknown => {
  const result = parseJson(text);
  assert.ok(result.ok, text);
  return result.value;
};

test("P4: a number becomes its text when a double would say something else, and only then", () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ["9007199254740991", 9_007_199_254_740_991],
    ["9007199254740992", "9007199254740992"],
    ["-9007199254740993", "-9007199254740993"],
    ["1e400", "1e400"],
    ["1e-400", "1e-400"],
    ["0e0", 0],
    ["1e3", 1000],
    ["1E21", "1E21"],
    ["1.50", 1.5],
    ["1760000000000.000000", 1_760_000_000_000],
    ["0.1234567890123456", 0.1234567890123456],
    ["0.12345678901234567891", "0.12345678901234567891"],
    ["12345678.123456789012", "12345678.123456789012"],
    ["5e-324", 5e-324],
    ["4.9e-324", "4.9e-324"],
  ];
  for (const [number, expected] of cases) {
    assert.deepEqual(parsed(`{"a": ${number}}`), { a: expected }, number);
    assert.deepEqual(parsed(`[1 ,\n${number}]`), [1, expected], number);
  }
});

test("digits inside a text are left alone", () => {
  const value = { id: "1e5f4a97d269d48642bb8b9d4878cde8", text: "a: 12345678901234567890, [1e400]" };
  assert.deepEqual(parsed(JSON.stringify(value)), value);
});

test("names are compared without case, spacing and punctuation", () => {
  for (const name of ["CallBack EnvelopeVO", "callback_envelope_vo", "callBackEnvelopeVO"]) {
    assert.equal(bareName(name), "callbackenvelopevo");
  }
});

test("levels are counted, and no more than asked for are entered", () => {
  assert.ok(nestsWithin(1, 0));
  assert.ok(nestsWithin({ a: [1] }, 2));
  assert.ok(!nestsWithin({ a: [[]] }, 2));
});

test("an object is found in arrays of one and in JSON text, three times encoded at most", () => {
  const encoded = (times: number): string => (times === 0 ? '{"a":1}' : JSON.stringify(encoded(times - 1)));
  assert.deepEqual(toObject([[{ a: 1 }]]), { a: 1 });
  assert.deepEqual(toObject(encoded(2)), { a: 1 });
  assert.equal(toObject(encoded(3)), undefined);
  for (const value of [null, 1, "", "a", "[1]", "{", [], [1, 2], '"a"']) {
    assert.equal(toObject(value), undefined);
  }
  assert.deepEqual(single([[1, 2]]), [1, 2]);
});

test("property: JSON of ordinary values is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value);
      const expected: unknown = JSON.parse(text);
      const isSmall = !/\d[\d.]{15}|\d[eE]/.test(text);
      if (isSmall) assert.deepEqual(parsed(text), expected);
    }),
  );
});

test("property: no digit of a number is lost", () => {
  const digits = fc.stringMatching(/^[1-9]\d{0,30}$/);
  fc.assert(
    fc.property(digits, fc.stringMatching(/^[1-9]{0,20}$/), (whole, fraction) => {
      const number = fraction === "" ? whole : `${whole}.${fraction}`;
      assert.deepEqual(parsed(`{"a":${number}}`), { a: Number.isNaN(Number(number)) ? 0 : keptAs(number) });
    }),
  );
});
const keptAs = (number: string): unknown => {
  const read = Number(number);
  return String(read) === number && (!Number.isInteger(read) || Number.isSafeInteger(read)) ? read : number;
};

test("property: no bytes make it throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseJsonBytes(Buffer.from(bytes))),
  );
});
