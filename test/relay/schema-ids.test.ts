import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { createMemorySink } from "../support/memorySink.ts";
import { beginRelay, bodyOf, encoder, keep, memoryJournal, topicOf } from "../support/relays.ts";

const finished = topicOf("finished");

test("P4: what is tried again goes under the schema id that the registry gives by then, from the stream and from a lane", async () => {
  for (const code of ["broker-unavailable", "topic-missing"] as const) {
    let id = 1;
    const sink = createMemorySink({ partitions: 1 });
    const journal = memoryJournal();
    sink.failWith(({ topic }) => (topic === finished ? code : undefined));
    const { stop } = beginRelay({ journal, sink, encode: encoder(() => id) });
    for (const serial of [1, 2, 3]) keep(journal, bodyOf("finished", "e-1", serial));
    await eventually(() => sink.calls.length > 8);
    id = 2;
    const before = sink.calls.length;
    await eventually(() => sink.calls.length > before + 2);
    sink.failWith(() => undefined);
    await eventually(() => sink.records(finished).length === 3);
    assert.deepEqual(
      sink.records(finished).map(({ value }) => value.readUInt32BE(1)),
      [2, 2, 2],
    );
    await stop();
  }
});
