import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecordEncoder } from "../../src/core/record.ts";
import { schemaTypes } from "../support/fixtures.ts";
import { largeBodies } from "../support/fuzz/large.ts";

const encode = createRecordEncoder({
  topicPrefix: "esign.",
  sensitive: "mask",
  types: schemaTypes,
  schemaIdOf: () => 1,
});

// A quadratic step takes a minute here, all others together a tenth of the limit.
test("P2, P10: no body of 200 kB takes a second to become a record, whatever it is made of", (t) => {
  const slow: string[] = [];
  let longest = 0;
  for (const [name, make] of largeBodies) {
    const body = Buffer.from(make(200_000), "latin1");
    const timed = (): number => {
      const begun = performance.now();
      encode({ eventId: "0".repeat(32), receivedAt: 0, source: null, body, deadLetter: null });
      return performance.now() - begun;
    };
    let ms = timed();
    // A quadratic step is slow twice, a machine that was held up is not.
    if (ms > 1000) ms = Math.min(ms, timed());
    longest = Math.max(longest, ms);
    if (ms > 1000) slow.push(`${name}: ${ms.toFixed(0)} ms`);
  }
  t.diagnostic(`the longest of ${largeBodies.length} took ${longest.toFixed(0)} ms`);
  assert.deepEqual(slow, []);
});
