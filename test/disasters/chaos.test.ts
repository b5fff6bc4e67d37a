import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pino } from "pino";
import { eventNames, topicOf as topicOfEvent } from "../../src/core/catalog.ts";
import type { Journal } from "../../src/core/journal.ts";
import { eventIdOf } from "../../src/core/record.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { createTelemetry } from "../../src/telemetry.ts";
import { codes, createChaosSink } from "../support/chaosSink.ts";
import { eventually } from "../support/eventually.ts";
import { openOrFail } from "../support/journals.ts";
import { createMemorySink } from "../support/memorySink.ts";
import { parseMetrics } from "../support/metrics.ts";
import { mulberry32 } from "../support/random.ts";
import { beginRelay, bodyOf, deadLetters, keep, type Kind, prefix } from "../support/relays.ts";

const kinds: readonly Kind[] = ["started", "finished", "cancelled", "delivery-failed"];
const callbacks = 10_000;
const topics = [...eventNames.map((event) => topicOfEvent(event, prefix)), deadLetters];

type Sent = ReadonlyMap<string, { readonly order: number; readonly envelope: string }>;

/** Accepts callbacks in parts, so that new ones come while others are parked; now and then one is a repeat. */
const acceptAll = async (
  journal: Journal,
  { random, poison }: { readonly random: () => number; readonly poison: Set<string> },
) => {
  const sent = new Map<string, { readonly order: number; readonly envelope: string }>();
  let repeats = 0;
  let before = bodyOf("started", "e-0", -1);
  for (let order = 0; order < callbacks; order += 1) {
    const envelope = `e-${Math.floor(random() * 200)}`;
    const body = bodyOf(kinds[Math.floor(random() * kinds.length)] ?? "started", envelope, order);
    const id = eventIdOf(body);
    if (random() < 0.002) poison.add(id);
    keep(journal, body);
    sent.set(id, { order, envelope });
    if (order > 0 && random() < 0.01) {
      keep(journal, before);
      repeats += 1;
    }
    before = body;
    if (order % 25 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return { sent, repeats };
};

/** The first place of each id in each topic: what comes again is recognised by its id. */
const assertInOrder = (sent: Sent, ids: readonly string[], where: string): void => {
  const last = new Map<string, number>();
  for (const id of new Set(ids)) {
    const found = sent.get(id);
    assert.ok(found !== undefined, where);
    assert.ok(found.order > (last.get(found.envelope) ?? -1), `order of ${found.envelope} in ${where}`);
    last.set(found.envelope, found.order);
  }
};

const openJournals = async (t: TestContext) => {
  const directory = await mkdtemp(join(tmpdir(), "chaos-"));
  const opened = new Map<string, Promise<Journal>>();
  const open = (name: string): Promise<Journal> => {
    // Larger than all that is sent: how the disk keeps up is not this test's question.
    const memoryBytes = 32 * 1024 * 1024;
    const setup = { directory: join(directory, name), files: realFiles, memoryBytes };
    const journal = opened.get(name) ?? openOrFail(setup).then((found) => found.journal);
    opened.set(name, journal);
    return journal;
  };
  t.after(async () => {
    for (const journal of opened.values()) await (await journal)[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  const pending = async (): Promise<number> => {
    const all = await Promise.all(opened.values());
    return all.reduce((sum, journal) => sum + journal.status().pendingRecords, 0);
  };
  return { open, pending };
};

test("P3, P6, P8: a chaos sink that refuses a quarter of all sends with every failure code: 10,000 callbacks, each exactly in one place or more, and kept = published + dead-lettered + pending by the metrics", async (t) => {
  const seed = Number(process.env["CHAOS_SEED"] ?? randomInt(2 ** 31));
  const where = `CHAOS_SEED=${seed}`;
  t.diagnostic(where);
  const { open, pending } = await openJournals(t);
  const journal = await open("main");
  const random = mulberry32(seed);
  const memory = createMemorySink();
  const sink = createChaosSink(memory, 0.25, mulberry32(seed + 1));
  const telemetry = createTelemetry(pino({ level: "silent" }), "test", Date.now);
  const scrape = async () => parseMetrics(await telemetry.exposition(journal.status()));
  const poison = new Set<string>();
  memory.failWith(({ topic, headers }) =>
    topic !== deadLetters && poison.has(String(headers["ce_id"])) ? "record-invalid" : undefined,
  );
  const { relay } = beginRelay({ journal, sink, openLaneJournal: open, telemetry });

  const { sent, repeats } = await acceptAll(journal, { random, poison });
  await eventually(async () => (await pending()) === 0, { withinMs: 120_000 });
  await eventually(async () => (await scrape()).sum("lane_parked") === 0);
  const metrics = await scrape();
  journal.close();
  await relay.drain(AbortSignal.timeout(5000));

  const found = new Set<string>();
  for (const topic of topics) {
    const ids = memory.records(topic).map(({ headers }) => String(headers["ce_id"]));
    for (const id of ids) found.add(id);
    if (topic !== deadLetters) assertInOrder(sent, ids, `${topic}, ${where}`);
  }
  assert.deepEqual(
    [...sent.keys()].filter((id) => !found.has(id)),
    [],
    `lost, ${where}`,
  );

  // What operators add up: of `records_published_total`, the dead-letter topic's part is `dead_letters_total`.
  const dead = metrics.sum("dead_letters_total");
  assert.equal(metrics.sum("records_published_total", { topic: deadLetters }), dead, where);
  const published = metrics.sum("records_published_total") - dead;
  const suppressed = metrics.sum("callbacks_repeated_total");
  assert.equal(published + dead + suppressed + (await pending()), callbacks + repeats, where);
  assert.ok(suppressed > 0, where);
  assert.ok(dead >= poison.size, where);
  assert.equal(sink.refusals.size, codes.length, `every failure code was met, ${where}`);
  t.diagnostic(
    `${published} published, ${dead} dead letters, ${suppressed} repeats, ${memory.calls.length} calls`,
  );
});
