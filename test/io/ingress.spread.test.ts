import assert from "node:assert/strict";
import { test } from "node:test";
import { createSpread } from "../../src/io/ingress/spread.ts";

test("P2, P9: what is over together ends a slice at a time, all of it within two seconds, in order", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  const spread = createSpread();
  const done: number[] = [];
  const all = Array.from({ length: 2000 }, (_, number) => number);
  for (const number of all) spread(() => done.push(number));
  assert.equal(done.length, 0);
  t.mock.timers.tick(1);
  assert.equal(done.length, 40);
  for (let before = done.length; before < 2000; before = done.length) {
    t.mock.timers.tick(10);
    const more = done.length - before;
    assert.ok(more > 0 && more <= 40, `${more} at once`);
  }
  assert.deepEqual(done, all);
});

test("P2: one that is over by itself ends at once, also after many others", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  const spread = createSpread();
  let done = 0;
  for (let round = 1; round <= 2; round += 1) {
    spread(() => (done += 1));
    t.mock.timers.tick(1);
    assert.equal(done, round);
  }
});
