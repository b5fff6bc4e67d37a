import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { eventIdOf } from "../../src/core/record.ts";
import type { KafkaRecord, SinkFailure } from "../../src/core/sink.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openOrFail } from "../support/journals.ts";
import { createMemorySink } from "../support/memorySink.ts";
import { beginRelay, bodyOf, deadLetters, encoder, keep, memoryJournal, topicOf } from "../support/relays.ts";

const idsOf = (records: readonly KafkaRecord[]): string[] =>
  records.map(({ headers }) => String(headers["ce_id"]));
const numbered = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const finished = topicOf("finished");
const started = topicOf("started");
const refusing =
  (topic: string, code: SinkFailure) =>
  (record: KafkaRecord): SinkFailure | undefined =>
    record.topic === topic ? code : undefined;
const healthy = () => undefined;
test("P10: a poison record goes to the dead letters with its reason and topic, and all others arrive in order", async () => {
  for (const code of ["record-too-large", "record-invalid"] as const) {
    const sink = createMemorySink({ partitions: 1 });
    const journal = memoryJournal();
    const bodies = numbered(50).map((serial) => bodyOf("finished", "e-1", serial));
    const poison = eventIdOf(bodies[17] ?? Buffer.of());
    sink.failWith(({ topic, headers }) =>
      topic === finished && headers["ce_id"] === poison ? code : undefined,
    );
    for (const body of bodies) keep(journal, body);
    const { stop } = beginRelay({ journal, sink });
    await eventually(() => sink.records(finished).length === 49 && sink.records(deadLetters).length === 1);
    assert.deepEqual(
      idsOf(sink.records(finished)),
      bodies.map(eventIdOf).filter((id) => id !== poison),
    );
    const [letter] = sink.records(deadLetters);
    assert.equal(letter?.headers["dead-letter-reason"], code);
    assert.equal(letter?.headers["dead-letter-topic"], finished);
    assert.equal(letter?.headers["dead-letter-detail"], "refused by the sink in memory");
    assert.deepEqual(letter?.value, bodies[17]);
    await stop();
  }
});

test("P6, P10: a topic that fails alone is parked, others go on, and its lane drains by itself in order", async () => {
  for (const code of ["topic-missing", "topic-unauthorized", "topic-policy", "leader-unavailable"] as const) {
    const sink = createMemorySink({ partitions: 1 });
    const journal = memoryJournal();
    sink.failWith(refusing(finished, code));
    const { lines, lanes, stop } = beginRelay({ journal, sink });
    const bodies = numbered(200).map((serial) => bodyOf("finished", `e-${serial % 5}`, serial));
    const others = numbered(200).map((serial) => bodyOf("started", `e-${serial % 5}`, serial));
    for (const serial of numbered(100)) {
      keep(journal, bodies[serial] ?? Buffer.of());
      keep(journal, others[serial] ?? Buffer.of());
    }
    await eventually(() => sink.records(started).length === 100 && journal.status().pendingRecords === 0);
    for (const serial of numbered(100)) {
      keep(journal, bodies[100 + serial] ?? Buffer.of());
      keep(journal, others[100 + serial] ?? Buffer.of());
    }
    await eventually(() => sink.records(started).length === 200 && journal.status().pendingRecords === 0);
    assert.equal(sink.records(finished).length, 0);
    assert.equal(lanes.get(finished)?.status().pendingRecords, 200);
    sink.failWith(healthy);
    await eventually(() => lines.includes(`opened ${finished}`));
    assert.deepEqual(idsOf(sink.records(finished)), bodies.map(eventIdOf));
    assert.deepEqual(idsOf(sink.records(started)), others.map(eventIdOf));
    assert.deepEqual(lines, [`parked ${finished}`, `opened ${finished}`]);
    await stop();
  }
});

test("P10: a failure of the whole cluster parks nothing, and order holds when it is over", async () => {
  for (const code of ["broker-unavailable", "broker-timeout", "replicas-insufficient"] as const) {
    const sink = createMemorySink({ partitions: 1 });
    const journal = memoryJournal();
    sink.failWith(() => code);
    const bodies = numbered(100).map((serial) =>
      bodyOf(serial % 2 === 0 ? "started" : "finished", "e-1", serial),
    );
    for (const body of bodies) keep(journal, body);
    const { lines, stop } = beginRelay({ journal, sink });
    await eventually(() => sink.calls.length > 20);
    sink.failWith(healthy);
    await eventually(() => journal.status().pendingRecords === 0);
    assert.deepEqual(lines, []);
    assert.deepEqual(idsOf(sink.records(started)), bodies.filter((_, i) => i % 2 === 0).map(eventIdOf));
    assert.deepEqual(idsOf(sink.records(finished)), bodies.filter((_, i) => i % 2 === 1).map(eventIdOf));
    await stop();
  }
});

test("P3: a dead-letter topic that cannot be written is parked like any other", async () => {
  const sink = createMemorySink();
  const journal = memoryJournal();
  sink.failWith(refusing(deadLetters, "topic-unauthorized"));
  const { lines, stop } = beginRelay({ journal, sink });
  keep(journal, Buffer.from("not JSON"));
  keep(journal, bodyOf("finished", "e-1", 1));
  await eventually(() => sink.records(finished).length === 1 && journal.status().pendingRecords === 0);
  assert.deepEqual(lines, [`parked ${deadLetters}`]);
  sink.failWith(healthy);
  await eventually(() => lines.includes(`opened ${deadLetters}`));
  assert.equal(sink.records(deadLetters)[0]?.headers["dead-letter-reason"], "not-json");
  await stop();
});

test("P3: without a schema id callbacks wait, and go in order when there is one", async () => {
  const sink = createMemorySink({ partitions: 1 });
  const journal = memoryJournal();
  let id: number | undefined;
  let asked = 0;
  const encode = encoder(() => {
    asked += 1;
    return id;
  });
  const bodies = numbered(10).map((serial) => bodyOf("finished", "e-1", serial));
  for (const body of bodies) keep(journal, body);
  const { stop } = beginRelay({ journal, sink, encode });
  await eventually(() => asked > 5);
  assert.equal(journal.status().pendingRecords, 10);
  id = 7;
  await eventually(() => journal.status().pendingRecords === 0);
  assert.deepEqual(idsOf(sink.records(finished)), bodies.map(eventIdOf));
  await stop();
});

test("P1: with everything failing the relay ends in time and releases nothing", async () => {
  for (const code of ["broker-unavailable", "replicas-insufficient"] as const) {
    const sink = createMemorySink();
    const journal = memoryJournal();
    sink.failWith(() => code);
    keep(journal, bodyOf("finished", "e-1", 1));
    keep(journal, bodyOf("started", "e-1", 2));
    const { relay } = beginRelay({ journal, sink });
    await eventually(() => sink.calls.length > 5);
    journal.close();
    await relay.drain(AbortSignal.timeout(50));
    assert.equal(journal.status().pendingRecords, 2);
  }
});

test("P1, P6: what is parked on disk survives a restart, and goes before what comes later", async (t) => {
  const directory = await newDirectory(t);
  const open = async (name: string) =>
    (await openOrFail({ directory: join(directory, name), files: realFiles, memoryBytes: 8 * 1024 * 1024 }))
      .journal;
  const sink = createMemorySink({ partitions: 1 });
  sink.failWith(refusing(finished, "topic-missing"));
  const bodies = numbered(3000).map((serial) => bodyOf("finished", `e-${serial % 7}`, serial));
  {
    await using journal = await open("main");
    await using lane = await open(finished);
    for (const body of bodies.slice(0, 2500)) keep(journal, body);
    const { stop } = beginRelay({ journal, sink, openLaneJournal: () => Promise.resolve(lane) });
    const begun = performance.now();
    await eventually(() => journal.status().pendingRecords === 0);
    t.diagnostic(`2500 records parked on disk in ${Math.round(performance.now() - begun)} ms`);
    assert.equal(lane.status().pendingRecords, 2500);
    await stop();
  }
  sink.failWith(healthy);
  await using journal = await open("main");
  await using lane = await open(finished);
  const again = beginRelay({
    journal,
    sink,
    openLaneJournal: () => Promise.resolve(lane),
    parkedTopics: [finished],
  });
  for (const body of bodies.slice(2500)) keep(journal, body);
  await eventually(() => again.lines.includes(`opened ${finished}`) && journal.status().pendingRecords === 0);
  assert.deepEqual(idsOf(sink.records(finished)), bodies.map(eventIdOf));
  await again.stop();
});

test("P7: a repeat of what happens once ends as the first and is not sent; of others each is sent with the same id", async () => {
  const sink = createMemorySink();
  const journal = memoryJournal();
  const open = sink.hang();
  const once = bodyOf("finished", "e-1", 1);
  const often = bodyOf("delivery-failed", "e-1", 1);
  const { stop, lines } = beginRelay({ journal, sink });
  const first = keep(journal, once);
  const underWay = keep(journal, once);
  keep(journal, often);
  keep(journal, often);
  open();
  assert.deepEqual(await first.settled, { event: "envelope-finished" });
  assert.deepEqual(await underWay.settled, { event: "envelope-finished", repeat: true });
  const later = keep(journal, once);
  assert.deepEqual(await later.settled, { event: "envelope-finished", repeat: true });
  await eventually(() => journal.status().pendingRecords === 0);
  assert.equal(sink.records(finished).length, 1);
  assert.deepEqual(idsOf(sink.records(topicOf("delivery-failed"))), [eventIdOf(often), eventIdOf(often)]);
  assert.equal(lines.filter((line) => line === "repeat envelope-finished").length, 2);
  await stop();
});

test("P7: a repeat of what is parked, or of what ended in the dead letters, is not sent again", async () => {
  const sink = createMemorySink();
  const journal = memoryJournal();
  sink.failWith(refusing(finished, "topic-missing"));
  const { stop, lanes } = beginRelay({ journal, sink });
  const first = keep(journal, bodyOf("finished", "e-1", 1));
  await eventually(() => lanes.get(finished)?.status().pendingRecords === 1);
  const repeat = keep(journal, bodyOf("finished", "e-1", 1));
  await eventually(() => journal.status().pendingRecords === 0);
  sink.failWith(healthy);
  assert.deepEqual(await first.settled, { event: "envelope-finished" });
  assert.deepEqual(await repeat.settled, { event: "envelope-finished", repeat: true });
  assert.equal(sink.records(finished).length, 1);

  sink.failWith(refusing(started, "record-invalid"));
  const poison = bodyOf("started", "e-1", 2);
  await keep(journal, poison).settled;
  sink.failWith(healthy);
  assert.equal((await keep(journal, poison).settled).repeat, true);
  assert.equal(sink.records(deadLetters).length, 1);
  assert.equal(sink.records(started).length, 0);
  await stop();
});
