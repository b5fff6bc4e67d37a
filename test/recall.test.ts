import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { recallRepeats } from "../src/recall.ts";

const seen = { eventId: "0".repeat(32), receivedAt: Date.now(), pending: false };

test("P7: what was settled before is recognised, what is pending is not", async () => {
  const other = { ...seen, eventId: "1".repeat(32), pending: true };
  const retained = async function* () {
    yield [seen, other];
  };
  const repeats = await recallRepeats({ retained, windowMs: 60_000, closing: new AbortController().signal });
  assert.deepEqual(await repeats.firstOf(seen.eventId, "envelope-finished"), {
    event: "envelope-finished",
    repeat: true,
  });
  assert.equal(repeats.firstOf(other.eventId, "envelope-finished"), undefined);
});

test("P2: a stop does not wait until all that the disk retains has been read", async () => {
  const closing = new AbortController();
  const batches = 1000;
  let [read, ended] = [0, false];
  const retained = async function* () {
    try {
      for (; read < batches; read += 1) {
        yield [seen];
        await turn();
      }
    } finally {
      ended = true;
    }
  };
  const recalling = recallRepeats({ retained, windowMs: 60_000, closing: closing.signal });
  await turn();
  closing.abort();
  await recalling;
  assert.ok(read < batches, `${read} batches were read`);
  assert.ok(ended, "its files are closed");
});
