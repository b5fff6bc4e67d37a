import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { freePorts } from "../../local/ports.ts";
import { jsonLines, runJournal } from "../support/commands.ts";
import { fillJournal, finishedArrival, newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { type BridgeProcess, startBridgeProcess } from "../support/process.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";
import { idsInTopic } from "../support/topic-ids.ts";

const outage = async (directory: string): Promise<Record<string, string>> => {
  const [broker, registry] = await freePorts(2);
  return {
    AUTH: "none",
    JOURNAL_DIR: directory,
    KAFKA_BROKERS: `127.0.0.1:${broker}`,
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${registry}`,
    SHUTDOWN_TIMEOUT_MS: "300",
    REPLY_DEADLINE_MS: "3000",
  };
};

const post = async ({ port }: BridgeProcess, number: number): Promise<number> => {
  const { body } = finishedArrival(number);
  const answer = await fetch(`http://127.0.0.1:${port}/callback`, { method: "POST", body });
  await answer.arrayBuffer();
  return answer.status;
};

const postAll = async (bridge: BridgeProcess, from: number, count: number): Promise<void> => {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  const statuses = await Promise.all(numbers.map((number) => post(bridge, number)));
  assert.ok(statuses.every((status) => status === 200));
};

const sequences = (rows: readonly Readonly<Record<string, unknown>>[]): number[] =>
  rows.map(({ sequence }) => Number(sequence));

test("P1: beside a bridge that takes callbacks every command sees a whole journal, and the bridge notices none", async (t) => {
  const directory = await newDirectory(t);
  const bridge = await startBridgeProcess(await outage(directory));
  t.after(() => bridge.end("SIGKILL"));
  await postAll(bridge, 0, 50);
  const [status] = jsonLines(await runJournal("status", "--dir", directory, "--json"));
  assert.equal(status?.["pendingRecords"], 50);
  assert.deepEqual(status?.["bridge"], { running: true, pid: bridge.pid });

  const state = { loading: true, posted: 50 };
  const load = (async () => {
    while (state.loading) {
      await postAll(bridge, state.posted, 20);
      state.posted += 20;
    }
  })();
  for (const command of ["verify", "list", "export", "status", "verify"]) {
    const before = state.posted;
    const ran = await runJournal(command, "--dir", directory, "--json");
    assert.equal(ran.code, 0, `${command}: ${ran.out} ${ran.err}`);
    if (command !== "list" && command !== "export") continue;
    const seen = sequences(jsonLines(ran));
    assert.ok(seen.length >= before, "what was acknowledged before is there");
    assert.deepEqual(
      seen,
      seen.map((_, i) => i + 1),
    );
  }
  const out = join(await newDirectory(t), "out");
  const skip = await runJournal("skip", "main:1", "--dir", directory, "--out", out);
  assert.equal(skip.code, 1);
  assert.match(skip.err, /stop it/);
  state.loading = false;
  await load;
  assert.equal(await bridge.end("SIGTERM"), 0);
  const [end] = jsonLines(await runJournal("status", "--dir", directory, "--json"));
  assert.equal(end?.["pendingRecords"], state.posted);
  assert.deepEqual(end?.["bridge"], { running: false, pid: null });
});

test("P1, P3: a skipped record is never published, all others are, and the bridge counts none as waiting", async (t) => {
  const { brokers, registryUrl } = sharedStack();
  const directory = await newDirectory(t);
  const prefix = freshPrefix();
  const topic = `${prefix}envelope.finished`;
  const gone = await startBridgeProcess({ ...(await outage(directory)), TOPIC_PREFIX: prefix });
  t.after(() => gone.end("SIGKILL"));
  for (const number of [1, 2, 3]) await postAll(gone, number, 1);
  assert.equal(await gone.end("SIGTERM"), 0);
  // A parked lane that holds nothing else: it must not wait for a record that never comes.
  await fillJournal(join(directory, "parked", topic), [finishedArrival(4)]);
  const files = await newDirectory(t);
  for (const number of [3, 4]) {
    const { eventId } = finishedArrival(number);
    const out = join(files, `${number}`);
    const skipped = await runJournal("skip", eventId, "--dir", directory, "--out", out);
    assert.equal(skipped.code, 0, skipped.err);
  }

  const env = {
    AUTH: "none",
    JOURNAL_DIR: directory,
    TOPIC_PREFIX: prefix,
    KAFKA_BROKERS: brokers.join(","),
    SCHEMA_REGISTRY_URL: registryUrl,
  };
  // Each once: a new topic without a leader yet may make the bridge send some twice.
  const published = async () => [...new Set(await idsInTopic(brokers, topic))].toSorted();
  const expected = [1, 2].map((number) => finishedArrival(number).eventId).toSorted();
  for (const start of ["first", "second"]) {
    const bridge = await startBridgeProcess(env);
    t.after(() => bridge.end("SIGKILL"));
    await eventually(async () => {
      const [status] = jsonLines(await runJournal("status", "--dir", directory, "--json"));
      return status?.["pendingRecords"] === 0;
    });
    assert.deepEqual(await published(), expected, `${start} start`);
    if (start === "second") assert.equal(await post(bridge, 3), 200);
    assert.equal(await bridge.end("SIGTERM"), 0);
  }
  const all = [1, 2, 3].map((number) => finishedArrival(number).eventId).toSorted();
  assert.deepEqual(await published(), all, "posted again, it is published");
});
