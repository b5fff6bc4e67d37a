import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createQueue } from "../../src/core/queue.ts";

test("a queue gives back in order what was put in, at each place and however often its front is forgotten", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -700, max: 700 }), { maxLength: 40 }), (steps) => {
      const queue = createQueue<number>();
      const model: number[] = [];
      let next = 0;
      for (const step of steps) {
        for (let i = 0; i < step; i += 1) {
          queue.push(next);
          model.push(next);
          next += 1;
        }
        for (let i = 0; i > step; i -= 1) assert.equal(queue.shift(), model.shift());
        assert.equal(queue.length(), model.length);
        for (const place of [-1, 0, 1, model.length - 1, model.length])
          assert.equal(queue.at(place), place < 0 ? undefined : model[place]);
      }
      queue.clear();
      assert.deepEqual([queue.length(), queue.at(0), queue.shift()], [0, undefined, undefined]);
    }),
  );
});
