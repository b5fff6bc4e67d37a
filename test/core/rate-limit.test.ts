import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createRateLimit } from "../../src/core/rate-limit.ts";

const passed = (times: number, once: () => boolean): number =>
  Array.from({ length: times }, once).filter(Boolean).length;

test("P9: ten seconds of the rate pass at once, then the rate", () => {
  const isWithin = createRateLimit(5);
  assert.equal(
    passed(100, () => isWithin("a", 0)),
    50,
  );
  assert.equal(
    passed(100, () => isWithin("a", 1000)),
    5,
  );
  assert.equal(
    passed(100, () => isWithin("a", 1199)),
    0,
  );
  assert.equal(
    passed(100, () => isWithin("a", 1201)),
    1,
  );
  assert.equal(
    passed(100, () => isWithin("a", 3_600_000)),
    50,
  );
});

test("P10: a source that uses up what is its own takes nothing from another", () => {
  const isWithin = createRateLimit(1);
  assert.equal(
    passed(1000, () => isWithin("bad", 0)),
    10,
  );
  assert.equal(
    passed(10, () => isWithin("good", 0)),
    10,
  );
  assert.equal(
    passed(10, () => isWithin(null, 0)),
    10,
  );
});

test("P9: whatever the times, no span sees more than its rate and the burst", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(5000), { maxLength: 200 }), (gaps) => {
      const isWithin = createRateLimit(2);
      let now = 0;
      let taken = 0;
      for (const gap of gaps) {
        now += gap;
        if (isWithin("a", now)) taken += 1;
      }
      assert.ok(taken <= 20 + (now / 1000) * 2 + 1e-6);
    }),
  );
});
