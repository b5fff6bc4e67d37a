import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import * as fc from "fast-check";
import { createAccept } from "../../src/accept.ts";
import type { Journal } from "../../src/core/journal.ts";
import { eventIdOf } from "../../src/core/record.ts";
import { createRepeats, type Repeats } from "../../src/core/repeats.ts";
import { fail, ok } from "../../src/core/result.ts";
import { admittedInThread } from "../../src/core/signature.ts";
import type { Sink } from "../../src/core/sink.ts";
import type { DiskJournal } from "../../src/io/journal/journal.ts";
import { recallRepeats } from "../../src/recall.ts";
import { drive } from "../support/drive.ts";
import { createRandom, type Random } from "../support/fuzz/random.ts";
import { oneKey } from "../support/journalKeys.ts";
import { type JournalSetup, tryOpen } from "../support/journals.ts";
import { createModelFiles, type ModelFiles } from "../support/modelFiles.ts";
import { beginRelay, bodyOf, topicOf } from "../support/relays.ts";

// Everything between an admitted body and Kafka, on a disk that fails, is killed and loses its power: lives of one bridge.
before(() => mock.timers.enable({ apis: ["setTimeout", "setInterval"] }));
after(() => mock.timers.reset());

/** What the world outside knows, whatever becomes of the bridge. */
type World = {
  readonly draw: Random;
  readonly setup: Omit<JournalSetup, "files">;
  model: ModelFiles;
  serial: number;
  readonly sent: Buffer[];
  /** Ids that were answered 200; */
  readonly acknowledged: Set<string>;
  /** of those that were so at the first try, in which place they came, and of which topic and envelope they are. */
  readonly atFirst: Map<string, { readonly order: number; readonly group: string }>;
  /** Ids, in order. */
  readonly inKafka: string[];
};

const root = "/journal";
const parkedTopics = ({ model }: World): readonly string[] => {
  const names = model.names().map((name) => name.split("/"));
  return [...new Set(names.flatMap(([, , parked, topic = ""]) => (parked === "parked" ? [topic] : [])))];
};

/** Kafka, as slow as the draw says, without a topic at times, and gone with the bridge. */
const createSink = ({ draw, inKafka }: World, isLast: boolean, isAlive: () => boolean): Sink => {
  const delays = draw.pick([
    [0, 0, 0],
    [0, 5, 10],
    [10, 60, 100],
  ]);
  const missing = !isLast && draw.chance(0.5) ? topicOf(draw.pick(["started", "finished"])) : null;
  const refused = isLast ? 0 : draw.pick([0, 0, 0.2]);
  return {
    send: async (records) => {
      await new Promise((resolve) => setTimeout(resolve, draw.pick(delays)));
      const lost = new Set([missing]);
      for (const { topic } of records) if (draw.chance(refused)) lost.add(topic);
      return records.map(({ topic, headers }) => {
        if (!isAlive()) return fail("broker-unavailable", "the bridge is dead");
        if (lost.has(topic)) return fail(topic === missing ? "topic-missing" : "leader-unavailable", "drawn");
        inKafka.push(String(headers["ce_id"]));
        return ok({ partition: 0 });
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

/** The disk refuses some operations, and after so many of them there is no bridge any more. */
const spoil = ({ draw, model }: World, onCut: () => void): void => {
  const cutAt = 20 + draw.below(250);
  const failAt = draw.chance(0.5) ? [draw.below(200), draw.below(200)] : [];
  const from = model.operations();
  model.fault = (operation) => {
    const at = model.operations() - from;
    if (at >= cutAt) {
      onCut();
      return "cut";
    }
    return operation !== "close" && operation !== "list" && failAt.includes(at) ? "EIO" : null;
  };
};

const windowMs = 3_600_000;
/** Whoever dies while it recalls needs to recall nothing. */
const recallOrDie = async (
  { retained }: DiskJournal,
  state: { readonly alive: boolean },
): Promise<Repeats> => {
  try {
    return await recallRepeats({ retained, windowMs, closing: new AbortController().signal });
  } catch (error) {
    if (state.alive) throw error;
    return createRepeats({ windowMs, clock: Date.now });
  }
};

const startBridge = async (world: World, isLast: boolean) => {
  const { draw, setup, model } = world;
  const state = { alive: true };
  if (!isLast) spoil(world, () => void (state.alive = false));
  const { opened } = await drive(tryOpen({ ...setup, files: model.files, directory: root }));
  if (!opened.ok) return null;
  const journal = opened.value;
  const lanes = new Map<string, Promise<Journal | null>>();
  const openLane = async (topic: string): Promise<Journal | null> => {
    const lane = await tryOpen({
      ...setup,
      files: model.files,
      directory: `${root}/parked/${topic}`,
      retentionMs: 0,
    });
    if (!lane.opened.ok) lanes.delete(topic);
    return lane.opened.ok ? lane.opened.value : null;
  };
  const openLaneJournal = (topic: string): Promise<Journal | null> => {
    const lane = lanes.get(topic) ?? openLane(topic);
    lanes.set(topic, lane);
    return lane;
  };
  const parked = parkedTopics(world);
  const all = async (): Promise<readonly (Journal | null)[]> => [
    journal,
    ...(await Promise.all(parked.map(openLaneJournal))),
    ...(await Promise.all(lanes.values())),
  ];
  const repeats = await drive(recallOrDie(journal, state));
  const sink = createSink(world, isLast, () => state.alive);
  const relay = beginRelay({ journal, sink, repeats, openLaneJournal, parkedTopics: parked });
  const accept = createAccept({ journal, ackAfter: draw.pick(["published", "stored"]), clock: Date.now });
  return { state, journal, all, accept, relay };
};
type Bridge = NonNullable<Awaited<ReturnType<typeof startBridge>>>;

const post = async (world: World, { accept, state }: Bridge): Promise<void> => {
  const { draw, sent, acknowledged, atFirst } = world;
  const kind = draw.pick(["started", "finished", "delivery-failed"] as const);
  const envelope = `e-${draw.below(3)}`;
  const order = (world.serial += 1);
  const again = draw.chance(0.15) ? sent[draw.below(sent.length)] : undefined;
  const body = again ?? bodyOf(kind, envelope, order);
  if (again === undefined) sent.push(body);
  const id = eventIdOf(body);
  const accepted = await accept(admittedInThread(body, "app", id), 1000);
  // Whom a dead bridge answers, nobody knows.
  if (!accepted.ok || !state.alive) return;
  acknowledged.add(id);
  if (again === undefined) atFirst.set(id, { order, group: `${topicOf(kind)} ${envelope}` });
};

const postSome = async (world: World, bridge: Bridge): Promise<readonly Promise<void>[]> => {
  const { draw } = world;
  const posts: Promise<void>[] = [];
  for (let left = 10 + draw.below(40); left > 0 && bridge.state.alive; left -= 1) {
    for (let more = draw.below(6); more > 0; more -= 1) posts.push(post(world, bridge));
    const ms = draw.pick([1, 5, 20]);
    for (let ticks = 1 + draw.below(6); ticks > 0; ticks -= 1) {
      mock.timers.tick(ms);
      await turn();
    }
  }
  return posts;
};

const isEmpty = async ({ all }: Bridge): Promise<boolean> =>
  (await all()).every((journal) => journal?.status().pendingRecords === 0);

/** Of a bridge that is to deliver all that is left. */
const deliverAll = async (bridge: Bridge): Promise<void> => {
  while (!(await isEmpty(bridge))) await new Promise((resolve) => setTimeout(resolve, 20));
};

const end = async (bridge: Bridge, posts: readonly Promise<void>[], inOrder: boolean): Promise<void> => {
  const { relay, journal, all } = bridge;
  journal.close();
  const timeIsUp = new AbortController();
  setTimeout(() => timeIsUp.abort(), inOrder ? 200 : 0);
  await drive(relay.relay.drain(timeIsUp.signal));
  for (const one of new Set(await drive(all())))
    if (one !== null) await drive(Promise.resolve(one[Symbol.asyncDispose]()));
  await drive(Promise.all(posts));
};

const live = async (world: World, isLast: boolean): Promise<void> => {
  const { draw } = world;
  const bridge = await startBridge(world, isLast);
  assert.ok(bridge !== null || !isLast, "P1: the journal does not open");
  if (bridge !== null) {
    const posts = isLast ? [] : await postSome(world, bridge);
    if (isLast) await drive(deliverAll(bridge));
    const inOrder = isLast || draw.chance(0.2);
    if (!inOrder) {
      bridge.state.alive = false;
      world.model.fault = () => "cut";
    }
    await end(bridge, posts, inOrder);
    bridge.state.alive = false;
  }
  world.model = world.model.restart(draw.pick(["kill", "power"]));
};

const assertAllIsWell = ({ acknowledged, atFirst, inKafka }: World): void => {
  // What comes again after a kill is told by its id: the first time counts.
  const first = new Map<string, number>();
  for (const [place, id] of inKafka.entries()) if (!first.has(id)) first.set(id, place);
  for (const id of acknowledged)
    assert.ok(first.has(id), `P1, P3: ${id} was acknowledged and is not in Kafka`);
  const newest = new Map<string, number>();
  for (const [id, { group }] of [...atFirst].toSorted(([, a], [, b]) => a.order - b.order)) {
    const place = first.get(id) ?? -1;
    assert.ok(place > (newest.get(group) ?? -1), `P6: ${id} stands before an older one`);
    newest.set(group, place);
  }
};

const run = async (seed: number): Promise<void> => {
  const draw = createRandom(seed, 0);
  const setup = {
    segmentBytes: draw.pick([6000, 60_000]),
    memoryBytes: draw.pick([3000, 100_000]),
    retentionRecords: draw.pick([8, 40, 400]),
    maxBytes: 400_000,
    syncIntervalMs: 200,
    keys: draw.chance(0.3) ? oneKey : [],
  };
  const model = createModelFiles(seed);
  const world: World = {
    draw,
    setup,
    model,
    serial: 0,
    sent: [],
    acknowledged: new Set(),
    atFirst: new Map(),
    inKafka: [],
  };
  for (let lives = 1 + draw.below(4); lives > 0; lives -= 1) await live(world, false);
  await live(world, true);
  assertAllIsWell(world);
};

test("P1, P3, P6: what was acknowledged is in Kafka in the end and in order, through kills, power cuts, failing disks and parked topics", async () => {
  await fc.assert(fc.asyncProperty(fc.nat(), run), { numRuns: Number(process.env["LIVES"] ?? 150) });
});
