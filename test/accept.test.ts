import assert from "node:assert/strict";
import { test } from "node:test";
import { createAccept } from "../src/accept.ts";
import type { Arrival, Entry, Journal, Settlement } from "../src/core/journal.ts";
import { fail, ok, type Result } from "../src/core/result.ts";
import { createAdmission } from "../src/core/signature.ts";
import { openMemoryJournal } from "../src/io/memory-journal.ts";
import { eventIdOf } from "./support/journals.ts";

const body = Buffer.from("{}");
const admission = createAdmission({
  auth: [],
  hmacKeys: [],
  hmacScheme: "tsign",
  hmacMaxAgeMs: 0,
  tokens: [],
  basicUsers: [],
});
const admitted = () => {
  const result = admission({ headers: {}, query: "", pathToken: null, body }, 0);
  assert.ok(result.ok);
  return result.value;
};
const clock = () => 1000;
const ms = 100;
type Stored = Result<undefined, "journal-failed">;

/** A journal on disk, of one entry, that does what the test says. */
const diskJournal = (stored: (entry: Entry) => Promise<Stored>) => {
  const { promise: settled, resolve: settle } = Promise.withResolvers<Settlement>();
  const kept: Arrival[] = [];
  const journal: Journal = {
    durable: true,
    append: (arrival) => {
      kept.push(arrival);
      return ok({ arrival, sequence: 1, settled, settle });
    },
    stored,
    read: () => Promise.resolve([]),
    release: () => undefined,
    status: () => ({ pendingRecords: 0, oldestPendingAt: null, bytes: 0, refusal: null }),
    close: () => undefined,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { journal, kept, settle };
};
const synced = (): Promise<Stored> => Promise.resolve(ok(undefined));
const failing = (): Promise<Stored> => Promise.resolve(fail("journal-failed", "EIO"));
const hanging = (): Promise<Stored> => new Promise(() => {});

test("P1: published: 200 as soon as Kafka has it, and the disk is not asked", async () => {
  let asked = 0;
  const { journal, kept, settle } = diskJournal(() => {
    asked += 1;
    return synced();
  });
  const accepted = createAccept({ journal, ackAfter: "published", clock })(admitted(), 60_000);
  settle({ event: "envelope-finished" });
  assert.deepEqual(await accepted, ok({ after: "published", event: "envelope-finished" }));
  assert.equal(asked, 0);
  const arrival = { eventId: eventIdOf(body), receivedAt: 1000, source: null, body, deadLetter: null };
  assert.deepEqual(kept, [arrival]);
});

test("P7: a repeat is acknowledged as a duplicate", async () => {
  const { journal, settle } = diskJournal(hanging);
  settle({ event: "envelope-finished", repeat: true });
  const accepted = await createAccept({ journal, ackAfter: "published", clock })(admitted(), 60_000);
  assert.deepEqual(accepted, ok({ after: "duplicate", event: "envelope-finished" }));
});

test("acknowledgements of one event are one object, which a message between threads holds once", async () => {
  const { journal, settle } = diskJournal(hanging);
  const accept = createAccept({ journal, ackAfter: "published", clock });
  const accepted = [accept(admitted(), 60_000), accept(admitted(), 60_000)] as const;
  settle({ event: "envelope-finished" });
  const [one, other] = await Promise.all(accepted);
  assert.ok(one.ok);
  assert.equal(one, other);
});

test("P2: published: when Kafka is slow, 200 because the disk has it", async () => {
  const { journal } = diskJournal(synced);
  const accepted = await createAccept({ journal, ackAfter: "published", clock })(admitted(), ms);
  assert.deepEqual(accepted, ok({ after: "stored", event: "unread" }));
});

test("P1: published: a disk that fails does not beat Kafka to the answer", async () => {
  const asked = Promise.withResolvers<void>();
  const { journal, settle } = diskJournal(() => {
    asked.resolve();
    return failing();
  });
  const accepted = createAccept({ journal, ackAfter: "published", clock })(admitted(), 1000);
  await asked.promise;
  // The disk's failure is known to everyone who waits for it by the next turn of the loop.
  await new Promise(setImmediate);
  settle({ event: "envelope-finished" });
  assert.deepEqual(await accepted, ok({ after: "published", event: "envelope-finished" }));
});

test("P2: published: a disk that hangs does not keep Kafka from the answer", async () => {
  const asked = Promise.withResolvers<void>();
  const { journal, settle } = diskJournal(() => {
    asked.resolve();
    return hanging();
  });
  const accepted = createAccept({ journal, ackAfter: "published", clock })(admitted(), 1000);
  await asked.promise;
  settle({ event: "signer-signed" });
  assert.deepEqual(await accepted, ok({ after: "published", event: "signer-signed" }));
});

for (const [name, stored, code] of [
  ["fails", failing, "journal-failed"],
  ["hangs", hanging, "deadline-passed"],
] as const)
  test(`P1: published: no Kafka, and a disk that ${name}: refused as ${code} at the deadline`, async () => {
    const { journal } = diskJournal(stored);
    const startedAt = performance.now();
    const accepted = await createAccept({ journal, ackAfter: "published", clock })(admitted(), ms);
    assert.equal(!accepted.ok && accepted.code, code);
    assert.ok(performance.now() - startedAt >= ms - 5);
  });

test("P1: stored: 200 as soon as the disk has it, whatever Kafka does", async () => {
  const { journal } = diskJournal(synced);
  const accepted = await createAccept({ journal, ackAfter: "stored", clock })(admitted(), 60_000);
  assert.deepEqual(accepted, ok({ after: "stored", event: "unread" }));
});

test("P1: stored: a disk that fails is refused at once, one that hangs at the deadline", async () => {
  const failed = createAccept({ ...diskJournal(failing), ackAfter: "stored", clock });
  const first = await failed(admitted(), 60_000);
  assert.equal(!first.ok && first.code, "journal-failed");
  const hung = await createAccept({ ...diskJournal(hanging), ackAfter: "stored", clock })(admitted(), ms);
  assert.equal(!hung.ok && hung.code, "deadline-passed");
});

test("P1: in memory, 200 when Kafka has it", async () => {
  const journal = openMemoryJournal({ maxBytes: 10_000 });
  const accepted = createAccept({ journal, ackAfter: "published", clock })(admitted(), 60_000);
  const [entry] = await journal.read({ entries: 1, bytes: 1000 });
  entry?.settle({ event: "unrecognized" });
  assert.deepEqual(await accepted, ok({ after: "published", event: "unrecognized" }));
});

test("P1: in memory, the deadline is a refusal, and the callback is still published later", async () => {
  const journal = openMemoryJournal({ maxBytes: 10_000 });
  const accepted = await createAccept({ journal, ackAfter: "published", clock })(admitted(), ms);
  assert.equal(!accepted.ok && accepted.code, "deadline-passed");
  assert.equal(journal.status().pendingRecords, 1);
});

test("P9: a full or closed journal is a refusal at once", async () => {
  const full = openMemoryJournal({ maxBytes: 10 });
  const refused = await createAccept({ journal: full, ackAfter: "published", clock })(admitted(), 60_000);
  assert.equal(!refused.ok && refused.code, "journal-full");
  const closed = openMemoryJournal({ maxBytes: 10_000 });
  await closed[Symbol.asyncDispose]();
  const late = await createAccept({ journal: closed, ackAfter: "published", clock })(admitted(), 60_000);
  assert.equal(!late.ok && late.code, "journal-failed");
});
