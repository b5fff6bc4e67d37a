import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { newDirectory } from "../support/directories.ts";
import { assertInOrder, floodTopic, untilAllInKafka } from "../support/disasters.ts";
import { eventually } from "../support/eventually.ts";
import { openFlood, type Sent } from "../support/flood.ts";
import { openBridgeProcess, untilReady } from "../support/openBridge.ts";
import { type BridgeProcess, startBridgeProcess, textOf } from "../support/process.ts";
import { idsInTopic } from "../support/topic-ids.ts";
import { idOf, signed } from "../support/sender.ts";
import { sharedStack } from "../support/stack.ts";
import { postStrewn } from "../support/strewn.ts";
import { preloadFor, twoAlone, twoWorkers } from "../support/workers.ts";

/** As many connections as make it certain that each of two workers has some: the system spreads them by their ports. */
const many = 40;

const signerSigned = ({ envelopeId, step }: Sent): Buffer =>
  Buffer.from(
    `{"event":"ENVELOPE_SIGNER_SIGNED","eventPayload":{"envelopeId":"${envelopeId}","signerInfo":{"signOrder":${step}}}}`,
  );

/** Callbacks about one envelope, each after the answer to the one before, each over another connection. */
const sendEnvelope = async (port: number, envelopeId: string, acknowledged: Map<string, Sent>) => {
  for (let step = 0; step < 8; step += 1) {
    const body = signerSigned({ envelopeId, step });
    assert.equal(await postStrewn(port, body), 200);
    acknowledged.set(idOf(body), { envelopeId, step });
  }
};

test("P1, P3, P6: what comes in by two workers arrives whole, and in order for each envelope", async (t) => {
  const env = twoWorkers(await newDirectory(t));
  const bridge = await openBridgeProcess(t, env);
  await untilReady(bridge);
  const acknowledged = new Map<string, Sent>();
  await Promise.all(Array.from({ length: 30 }, (_, n) => sendEnvelope(bridge.port, `e-${n}`, acknowledged)));
  const where = { brokers: sharedStack().brokers, topic: env.TOPIC_PREFIX + floodTopic };
  const ids = await untilAllInKafka(acknowledged, where);
  assertInOrder(ids, acknowledged);
  assert.equal(ids.length, acknowledged.size);
  assert.equal(await bridge.end("SIGTERM"), 0, textOf(bridge));
});

test("P7, P8: repeats are recognised whichever worker they come in by, and all counters are sums", async (t) => {
  const env = twoWorkers(await newDirectory(t));
  const bridge = await openBridgeProcess(t, env);
  await untilReady(bridge);
  const body = signerSigned({ envelopeId: "e-again", step: 0 });
  assert.equal(await postStrewn(bridge.port, body), 200);
  const repeats = Array.from({ length: many }, () => postStrewn(bridge.port, body));
  assert.deepEqual(new Set(await Promise.all(repeats)), new Set([200]));
  const missed = Array.from({ length: many }, () => postStrewn(bridge.port, body, { expect: "what?" }));
  await Promise.all(missed);

  const metrics = await bridge.metrics();
  assert.equal(metrics.sum("callbacks_received_total"), 1 + 2 * many);
  assert.equal(metrics.sum("callbacks_acknowledged_total", { after: "duplicate" }), 2 * many);
  assert.equal(metrics.sum("callbacks_repeated_total"), 2 * many);
  assert.equal(metrics.sum("callback_reply_seconds_count"), 1 + 2 * many);
  assert.equal(metrics.sum("records_published_total"), 1);
  assert.equal(metrics.sum("build_info"), 1);
  const ofProcess = metrics.samples.filter(({ name }) => name === "process_resident_memory_bytes");
  assert.equal(ofProcess.length, 1);
  assert.deepEqual(await idsInTopic(sharedStack().brokers, env.TOPIC_PREFIX + floodTopic), [idOf(body)]);
});

test("P1, P6: kill -9 under load, and another number of workers at each start, loses nothing", async (t) => {
  const env = twoWorkers(await newDirectory(t));
  const acknowledged = new Map<string, Sent>();
  for (const WORKERS of ["2", "1", "2", "3"]) {
    const bridge = await startBridgeProcess({ ...env, WORKERS });
    const before = acknowledged.size;
    const flood = openFlood({ port: bridge.port, senders: 16 });
    await eventually(() => flood.acknowledged.size > 100, { withinMs: 60_000 });
    await bridge.end("SIGKILL");
    flood.stop();
    await flood.ended;
    for (const [id, sent] of flood.acknowledged) acknowledged.set(id, sent);
    assert.ok(acknowledged.size > before);
  }
  const bridge = await openBridgeProcess(t, { ...env, WORKERS: "1" });
  const where = { brokers: sharedStack().brokers, topic: env.TOPIC_PREFIX + floodTopic };
  assertInOrder(await untilAllInKafka(acknowledged, where), acknowledged);
  assert.equal(await bridge.end("SIGTERM"), 0, textOf(bridge));
});

test("P1: on SIGTERM all workers answer what is in flight, and what they took is published", async (t) => {
  const env = twoWorkers(await newDirectory(t));
  const bridge = await openBridgeProcess(t, env);
  await untilReady(bridge);
  const flood = openFlood({ port: bridge.port, senders: 16 });
  await eventually(() => flood.acknowledged.size > 200);
  bridge.signal("SIGTERM");
  assert.equal(await bridge.exited, 0, textOf(bridge));
  flood.stop();
  await flood.ended;
  const ids = new Set(await idsInTopic(sharedStack().brokers, env.TOPIC_PREFIX + floodTopic));
  for (const id of flood.acknowledged.keys()) assert.ok(ids.has(id), "acknowledged, and in Kafka at the end");
  assert.deepEqual(bridge.errors, []);
});

const heldUp = (where: "isMainThread" | "threadId === 1", { go, ms }: { go: string; ms: number }): string =>
  preloadFor(where, { go, code: `const end = Date.now() + ${ms}; while (Date.now() < end);` });

test("a worker that does not answer is named by /live and /ready, and /metrics tells no wrong sums", async (t) => {
  const directory = await newDirectory(t);
  const go = join(await newDirectory(t), "go");
  const env = { ...twoAlone(directory), NODE_OPTIONS: heldUp("threadId === 1", { go, ms: 10_000 }) };
  const bridge = await openBridgeProcess(t, env);
  assert.equal((await bridge.ready()).status, 200);
  await writeFile(go, "");
  const stuck = await eventually(async () => {
    const state = await bridge.ready();
    assert.equal(state.status, 503);
    return state;
  });
  assert.deepEqual(stuck.body, { status: "not ready", obstacles: ["worker 1 does not answer"] });
  assert.equal((await fetch(`http://127.0.0.1:${bridge.adminPort}/metrics`)).status, 500);
  const live = () => fetch(`http://127.0.0.1:${bridge.adminPort}/live`);
  assert.equal((await live()).status, 503, "as one thread that is stuck would not answer");
  await untilReady(bridge);
  assert.equal((await live()).status, 200);
  assert.equal((await bridge.metrics()).sum("build_info"), 1);
});

test("P1, P2: while the main thread is held up callers get 503 in time, and no acknowledgement", async (t) => {
  const directory = await newDirectory(t);
  const go = join(await newDirectory(t), "go");
  const env = {
    ...twoAlone(directory),
    NODE_OPTIONS: heldUp("isMainThread", { go, ms: 6000 }),
    REPLY_DEADLINE_MS: "1000",
  };
  const bridge = await openBridgeProcess(t, env);
  await writeFile(go, "");
  let n = 0;
  const late = await eventually(async () => {
    n += 1;
    const begun = performance.now();
    const status = await postStrewn(bridge.port, signerSigned({ envelopeId: "e-late", step: n }));
    assert.equal(status, 503);
    return performance.now() - begun;
  });
  assert.ok(late < 2500, `${late} ms`);
  await untilReady(bridge);
  assert.equal(await postStrewn(bridge.port, signerSigned({ envelopeId: "e-late", step: 0 })), 200);
});

const statusesOf = async (bridge: BridgeProcess, count: number): Promise<Record<number, number>> => {
  const bodies = Array.from({ length: count }, (_, step) => signerSigned({ envelopeId: "e-limit", step }));
  const statuses = await Promise.all(bodies.map((body) => postStrewn(bridge.port, body)));
  return Object.fromEntries(
    [...Map.groupBy(statuses, (status) => status)].map(([s, all]) => [s, all.length]),
  );
};

test("P9: RATE_LIMIT holds for all workers together", async (t) => {
  const bridge = await openBridgeProcess(t, { ...twoAlone(await newDirectory(t)), RATE_LIMIT: "2" });
  const { 200: taken = 0, 429: refused = 0 } = await statusesOf(bridge, 60);
  assert.equal(taken + refused, 60);
  // 10 s of it may come at once, and a little more while they come.
  assert.ok(taken >= 20 && taken < 40, `${taken} taken`);
  const metrics = await bridge.metrics();
  assert.equal(metrics.sum("callbacks_refused_total", { reason: "rate-limited" }), refused);
});

test("P9: MAX_IN_FLIGHT holds for all workers together", async (t) => {
  const env = { ...twoAlone("none"), ACK_AFTER: "published", MAX_IN_FLIGHT: "5", REPLY_DEADLINE_MS: "2000" };
  const bridge = await openBridgeProcess(t, env);
  assert.deepEqual(await statusesOf(bridge, 30), { 503: 30 });
  const metrics = await bridge.metrics();
  assert.equal(metrics.sum("callbacks_refused_total", { reason: "in-flight-limit" }), 25);
  assert.equal(metrics.sum("callbacks_refused_total", { reason: "deadline-passed" }), 5);
});

test("P5: on SIGHUP all workers take the new keys", async (t) => {
  const directory = await newDirectory(t);
  const file = join(directory, "keys");
  const [oldKey, newKey] = ["the-old-key-of-32-characters-or-so", "the-new-key-of-32-characters-or-so"];
  await writeFile(file, `main:${oldKey}`);
  const env = { ...twoAlone(join(directory, "journal")), AUTH: "hmac", HMAC_KEYS_FILE: file };
  const bridge = await openBridgeProcess(t, env);
  const body = signerSigned({ envelopeId: "e-key", step: 0 });
  const by = async (key = ""): Promise<readonly number[]> => [
    ...new Set(
      await Promise.all(Array.from({ length: many }, () => postStrewn(bridge.port, body, signed(body, key)))),
    ),
  ];
  assert.deepEqual([await by(oldKey), await by(newKey)], [[200], [401]]);
  await writeFile(file, `main:${newKey}`);
  bridge.signal("SIGHUP");
  await eventually(() => bridge.lines.some((line) => line["msg"] === "secrets renewed"));
  assert.deepEqual([await by(oldKey), await by(newKey)], [[401], [200]]);
});
