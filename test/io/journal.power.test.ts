import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import * as fc from "fast-check";
import type { Entry } from "../../src/core/journal.ts";
import type { DiskJournal } from "../../src/io/journal/journal.ts";
import { drive } from "../support/drive.ts";
import { oneKey } from "../support/journalKeys.ts";
import { arrivalOf, type JournalSetup, readAll, tryOpen } from "../support/journals.ts";
import { createModelFiles, type Fault, type ModelFiles } from "../support/modelFiles.ts";

before(() => mock.timers.enable({ apis: ["setTimeout", "setInterval"] }));
after(() => mock.timers.reset());

type Command =
  | { readonly kind: "append"; readonly sizes: readonly number[]; readonly wait: boolean }
  | { readonly kind: "read"; readonly entries: number }
  | { readonly kind: "release"; readonly share: number }
  | { readonly kind: "ask" | "publish"; readonly share: number }
  | { readonly kind: "tick" | "turn" | "settle" };

/** One run of the process: what it does, and when its disk fails and its power goes. */
type Life = {
  readonly commands: readonly Command[];
  readonly cutAt: number;
  readonly how: "power" | "kill";
  readonly failAt: readonly number[];
  readonly full: boolean;
};

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      sizes: fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 }),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("read" as const), entries: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("release" as const, "ask" as const, "publish" as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("tick" as const, "turn" as const, "settle" as const) }),
  },
);

const life: fc.Arbitrary<Life> = fc.record({
  commands: fc.array(command, { minLength: 3, maxLength: 25 }),
  cutAt: fc.integer({ min: 1, max: 120 }),
  how: fc.constantFrom("power" as const, "power" as const, "kill" as const),
  failAt: fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 3 }),
  full: fc.boolean(),
});

/** What the world outside knows of the callbacks, whatever becomes of the journal. */
type World = {
  appended: number;
  /** Acknowledged: `stored` said ok. */
  readonly stored: Set<number>;
  /** Kafka has them, */
  readonly published: Set<number>;
  /** and none of them is needed again. */
  readonly released: Set<number>;
  /** Of this life: what was appended or read, */
  known: Map<number, Entry>;
  /** what was read and not released, */
  inFlight: number[];
  /** the first one that was appended, and the last one that was read. */
  firstAppended: number;
  lastRead: number;
};

const newborn = (firstAppended: number) => ({ known: new Map(), inFlight: [], firstAppended, lastRead: -1 });

const numberOf = (entry: Entry): number => entry.arrival.receivedAt - 1_700_000_000_000;

const faultOf = ({ cutAt, failAt, full }: Life, model: ModelFiles): Fault => {
  const from = model.operations();
  return (operation) => {
    const at = model.operations() - from;
    if (at === cutAt) return "cut";
    if (operation === "close" || operation === "list") return null;
    return failAt.includes(at) ? (full ? "ENOSPC" : "EIO") : null;
  };
};

const ask = (journal: DiskJournal, world: World, entry: Entry): void => {
  void journal.stored(entry).then((result) => result.ok && world.stored.add(numberOf(entry)));
};

/** As at the reply deadline: for a callback of long ago, or one that came from the disk. */
const askAgain = (journal: DiskJournal, world: World, share: number): void => {
  const entries = [...world.known.values()];
  const entry = entries[Math.floor(entries.length * share)];
  if (entry !== undefined && !world.released.has(numberOf(entry))) ask(journal, world, entry);
};

/** Each number is used once: a callback that was refused is another one when it comes again. */
const append = (journal: DiskJournal, world: World, { sizes, wait }: Command & { kind: "append" }): void => {
  for (const size of sizes) {
    const number = world.appended;
    const appended = journal.append(arrivalOf(number, size));
    if (!appended.ok) continue;
    world.appended += 1;
    world.known.set(number, appended.value);
    if (wait) ask(journal, world, appended.value);
  }
};

const read = async (journal: DiskJournal, world: World, entries: number): Promise<void> => {
  if (journal.status().pendingRecords === world.inFlight.length) return;
  // Where all that was left is lost with the power of an earlier life, the reader waits for the next callback.
  const batch = await drive(journal.read({ entries, bytes: 2000 }), () => journal.close());
  for (const entry of batch) {
    const number = numberOf(entry);
    // What this life has taken it can read, each once and in order, whatever the disk does.
    if (number > world.firstAppended) assert.equal(number, world.lastRead + 1, "P6: read out of order");
    world.lastRead = number;
    world.inFlight.push(number);
    if (!world.known.has(number)) world.known.set(number, entry);
  }
};

const release = (journal: DiskJournal, world: World, share: number): void => {
  const done = world.inFlight.splice(0, Math.ceil(world.inFlight.length * share));
  for (const number of done) world.released.add(number);
  journal.release(done.length);
};

/** Topics do not wait for each other: any of those that are read. */
const publish = (world: World, share: number): void => {
  const number = world.inFlight[Math.floor(world.inFlight.length * share)] ?? -1;
  world.published.add(number);
  world.known.get(number)?.settle({ event: "finished" });
};

const perform = async (journal: DiskJournal, world: World, one: Command): Promise<void> => {
  switch (one.kind) {
    case "append":
      return append(journal, world, one);
    case "read":
      return read(journal, world, one.entries);
    case "release":
      return release(journal, world, one.share);
    case "publish":
      return publish(world, one.share);
    case "ask":
      return askAgain(journal, world, one.share);
    case "tick":
      mock.timers.tick(260);
      return turn();
    case "turn":
      return turn();
    case "settle":
      for (let i = 0; i < 12; i += 1) await turn();
      return undefined;
  }
};

const live = async (journal: DiskJournal, world: World, commands: readonly Command[]): Promise<void> => {
  Object.assign(world, newborn(world.appended));
  for (const one of commands) await perform(journal, world, one);
};

const setup = { segmentBytes: 6144, memoryBytes: 3000, maxBytes: 60_000, retentionBytes: 12_288 };

const assertAllThere = async (
  model: ModelFiles,
  world: World,
  { hadFaults, ...keys }: Pick<JournalSetup, "keys"> & { readonly hadFaults: boolean },
): Promise<void> => {
  const { opened, told } = await tryOpen({ ...setup, ...keys, files: model.files });
  assert.ok(opened.ok, JSON.stringify(opened));
  const journal = opened.value;
  const { pendingRecords } = journal.status();
  const entries = await readAll(journal);
  const numbers = entries.map(numberOf);
  for (const number of world.stored) {
    const isSafe = numbers.includes(number) || world.released.has(number) || world.published.has(number);
    assert.ok(isSafe, `P1: ${number} was acknowledged and is gone`);
  }
  for (const [i, entry] of entries.entries()) {
    const whole = arrivalOf(numberOf(entry), entry.arrival.body.length);
    assert.deepEqual(entry.arrival, whole, "a wrong record was read");
    assert.ok(numberOf(entry) > (numbers[i - 1] ?? -1), `P6: ${numbers.join()} is not in order`);
  }
  // Those that Kafka had before they were written count until they are passed over.
  const passed = pendingRecords - entries.length - told.missing;
  assert.ok(passed >= 0 && passed <= world.published.size, "pendingRecords is not what was pending");
  assert.ok(hadFaults || told.cursorLost === 0, "a power cut alone must not lose the cursor");
  await journal[Symbol.asyncDispose]();
};

const run = async (lives: readonly Life[], seed: number): Promise<void> => {
  let model = createModelFiles(seed);
  const keys = seed % 2 === 0 ? {} : { keys: oneKey };
  const world: World = {
    appended: 0,
    stored: new Set(),
    published: new Set(),
    released: new Set(),
    ...newborn(0),
  };
  for (const one of lives) {
    model.fault = faultOf(one, model);
    const { opened } = await drive(tryOpen({ ...setup, ...keys, files: model.files }));
    if (opened.ok) {
      await live(opened.value, world, one.commands);
      // The power goes here at the latest; then nothing that the old process still does reaches the disk.
      model.fault = () => "cut";
      await drive(Promise.resolve(opened.value[Symbol.asyncDispose]()));
    }
    model = model.restart(one.how);
    const hadFaults = lives.some(({ failAt }) => failAt.length > 0);
    // To look after a kill would sync what the next life must find unsynced.
    if (one.how === "kill" && one !== lives.at(-1)) continue;
    await assertAllThere(model.restart(one.how), world, { ...keys, hadFaults });
  }
};

const rounds = Number(process.env["POWER_CUTS"] ?? 2000);

test("P1: whatever was stored is there after the power is cut at any operation, with disk faults before", async () => {
  const lives = fc.array(life, { minLength: 1, maxLength: 4 });
  await fc.assert(fc.asyncProperty(lives, fc.nat(), run), { numRuns: rounds });
});
