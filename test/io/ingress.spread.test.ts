import assert from "node:assert/strict";
import { test } from "node:test";
import { createSpread } from "../../src/io/ingress/spread.ts";

test("P2, P9: what is over together ends a slice at a time, all of it within half a second, in order", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  const spread = createSpread();
  const done: number[] = [];
  const all = Array.from({ length: 2000 }, (_, number) => number);
  for (const number of all) spread(() => done.push(number));
  assert.equal(done.length, 0);
  t.mock.timers.tick(1);
  assert.equal(done.length, 40);
  for (let ms = 10; ms <= 490; ms += 10) {
    const before: number = done.length;
    t.mock.timers.tick(10);
    assert.equal(done.length - before, 40);
  }
  assert.deepEqual(done, all);
  for (let number = 0; number < 100; number += 1) spread(() => done.push(number));
  t.mock.timers.tick(1);
  assert.equal(done.length, 2020);
});

test("P2: one that is over by itself ends at once, also after many others", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setImmediate"] });
  const spread = createSpread();
  let done = 0;
  const one = (): void => void (done += 1);
  spread(one);
  t.mock.timers.tick(1);
  assert.equal(done, 1);
  for (let others = 0; others < 100; others += 1) spread(one);
  for (let ms = 0; ms < 50; ms += 10) t.mock.timers.tick(10);
  assert.equal(done, 101);
  spread(one);
  t.mock.timers.tick(1);
  assert.equal(done, 102);
});
