import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { looseBoolean, looseDouble, looseId, looseInt, looseText, looseTime } from "../../src/core/loose.ts";

type Case = readonly [value: unknown, read: unknown];
const check = (read: (value: unknown) => unknown, cases: readonly Case[]) => {
  for (const [value, expected] of cases) {
    assert.equal(read(value), expected, `${typeof value} ${JSON.stringify(value)}`);
  }
};
const nothing = undefined;

test("text is read from text, numbers and booleans", () => {
  check(looseText, [
    ["Alice", "Alice"],
    ["", ""],
    ["取消", "取消"],
    [0, "0"],
    [12.5, "12.5"],
    [false, "false"],
    [null, nothing],
    [{}, nothing],
    [["Alice"], nothing],
  ]);
});

test("P4: half a surrogate pair becomes U+FFFD, a whole one stays", () => {
  check(looseText, [
    ["a\ud800b", "a\ufffdb"],
    ["\udc00", "\ufffd"],
    ["\ud83d\ude00", "\ud83d\ude00"],
  ]);
});

test("an id must name something", () => {
  check(looseId, [
    ["4a97d269d48642bb", "4a97d269d48642bb"],
    [42, "42"],
    ["0", "0"],
    ["", nothing],
    ["  ", nothing],
    [true, nothing],
    [null, nothing],
  ]);
});

test("P4: an int is a whole number of 32 bits, as number or text", () => {
  check(looseInt, [
    [1, 1],
    ["1", 1],
    ["+7", 7],
    ["-7", -7],
    ["007", 7],
    [2_147_483_647, 2_147_483_647],
    ["-2147483648", -2_147_483_648],
    [2_147_483_648, nothing],
    ["2147483648", nothing],
    ["9223372036854775807", nothing],
    [1.5, nothing],
    ["1.5", nothing],
    ["1e3", nothing],
    ["", nothing],
    [" 1", nothing],
    ["0x10", nothing],
    [true, nothing],
    [null, nothing],
    [Number.NaN, nothing],
  ]);
});

test("P4: a double is a finite number, as number or text", () => {
  check(looseDouble, [
    [640.25, 640.25],
    ["640.25", 640.25],
    ["-.5", -0.5],
    ["6.", 6],
    ["1E3", 1000],
    [0, 0],
    ["1e999", nothing],
    ["Infinity", nothing],
    ["NaN", nothing],
    ["", nothing],
    ["12px", nothing],
    ["0x10", nothing],
    [true, nothing],
    [null, nothing],
  ]);
});

test("a boolean is true or false, 1 or 0, also as text", () => {
  check(looseBoolean, [
    [true, true],
    [1, true],
    ["TRUE", true],
    ["1", true],
    [false, false],
    [0, false],
    ["False", false],
    ["0", false],
    [2, nothing],
    ["yes", nothing],
    ["", nothing],
    [null, nothing],
  ]);
});

test("a time is read from 13-digit milliseconds, as number or text", () => {
  check(looseTime, [
    [1_760_000_000_000, 1_760_000_000_000],
    ["1760000000000", 1_760_000_000_000],
    [1e12, 1e12],
    [253_402_300_799_999, 253_402_300_799_999],
    ["253402300799999", 253_402_300_799_999],
  ]);
});

test("a time is read from an ISO date-time with its zone", () => {
  const instant = Date.UTC(2025, 9, 9, 8, 53, 20);
  check(looseTime, [
    ["2025-10-09T08:53:20Z", instant],
    ["2025-10-09t08:53:20z", instant],
    ["2025-10-09 08:53:20Z", instant],
    ["2025-10-09T16:53:20+08:00", instant],
    ["2025-10-09 16:53:20 +0800", instant],
    ["2025-10-09T16:53:20+08", instant],
    ["2025-10-09T08:53:20.5Z", instant + 500],
    ["2025-10-09T08:53:20.123456789Z", instant + 123],
    ["2025-10-09T08:53Z", instant - 20_000],
    ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
    ["1999-12-31T23:59:59Z", Date.UTC(1999, 11, 31, 23, 59, 59)],
  ]);
});

test("P4: what may mean another instant is no time", () => {
  check(looseTime, [
    // Seconds, not milliseconds.
    [1_760_000_000, nothing],
    ["1760000000", nothing],
    [0, nothing],
    [-1, nothing],
    [1_760_000_000_000.5, nothing],
    // Past the year 9999.
    [253_402_300_800_000, nothing],
    ["253402300800000", nothing],
    ["9999-12-31T23:59:59-01:00", nothing],
    // Without a zone.
    ["2025-10-09", nothing],
    ["2025-10-09T08:53:20", nothing],
    ["2025-10-09 08:53:20", nothing],
    ["09/10/2025 08:53:20 Z", nothing],
    // No such day, no such hour.
    ["2025-02-29T00:00:00Z", nothing],
    ["2025-02-30T00:00:00Z", nothing],
    ["2025-13-01T00:00:00Z", nothing],
    ["2025-10-09T25:00:00Z", nothing],
    ["2025-10-09T08:53:20+25:00", nothing],
    ["soon", nothing],
    ["", nothing],
    [true, nothing],
    [null, nothing],
  ]);
});

test("property: every instant between the years 2001 and 9999 is read back from its ISO form and its digits", () => {
  const instants = fc.integer({ min: 1e12, max: 253_402_300_799_999 });
  fc.assert(
    fc.property(instants, (at) => {
      assert.equal(looseTime(new Date(at).toISOString()), at);
      assert.equal(looseTime(String(at)), at);
    }),
  );
});

test("property: no reader throws, whatever the value", () => {
  const readers = [looseText, looseId, looseInt, looseDouble, looseBoolean, looseTime];
  fc.assert(
    fc.property(fc.anything(), (value) => {
      for (const read of readers) read(value);
    }),
  );
});
