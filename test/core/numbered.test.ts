import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createNumbered } from "../../src/core/numbered.ts";

test("P1: each thing is found under its own number as long as it is there, whatever comes and goes beside it", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 200 }), (steps) => {
      const numbered = createNumbered<string>();
      const there = new Map<number, string>();
      for (const [step, choice] of steps.entries()) {
        const number = [...there.keys()][choice];
        if (number === undefined) {
          const added = numbered.add(`${step}`);
          assert.ok(added > 0 && !there.has(added), `${added} is another's`);
          there.set(added, `${step}`);
        } else {
          numbered.remove(number);
          there.delete(number);
          assert.equal(numbered.at(number), null);
        }
        assert.equal(numbered.count(), there.size);
        for (const [one, item] of there) assert.equal(numbered.at(one), item);
        assert.deepEqual(new Map(numbered.all()), there);
      }
    }),
  );
});

test("P1: what is not there is not taken out: its number would be given to two", () => {
  const numbered = createNumbered<string>();
  const number = numbered.add("a");
  numbered.remove(number);
  assert.throws(() => numbered.remove(number), RangeError);
  assert.throws(() => numbered.remove(7), RangeError);
});

test("P9: a number is used again: what comes and goes takes no more room than what is there at once", () => {
  const numbered = createNumbered<string>();
  for (let n = 0; n < 1000; n += 1) {
    const number = numbered.add("");
    assert.equal(number, 1);
    numbered.remove(number);
  }
});
