import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { freePorts } from "../../local/ports.ts";
import { eventIdOf } from "../../src/core/record.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { startBridgeProcess } from "../support/process.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";
import { idsInTopic } from "../support/topic-ids.ts";

const finished = (): Buffer =>
  Buffer.from(
    JSON.stringify({
      event: "ENVELOPE_FINISH",
      eventPayload: { envelopeId: randomUUID(), envelopeStatus: 2 },
    }),
  );

const post = async (port: number, body: Buffer): Promise<{ status: number; ms: number }> => {
  const startedAt = performance.now();
  const answer = await fetch(`http://127.0.0.1:${port}/callback`, { method: "POST", body });
  await answer.arrayBuffer();
  return { status: answer.status, ms: performance.now() - startedAt };
};

test("P1, P2: started with Kafka and registry down it accepts in time, ends with 0, and the next start delivers", async (t) => {
  const { brokers, registryUrl } = sharedStack();
  const prefix = freshPrefix();
  const [deadBroker, deadRegistry] = await freePorts(2);
  const env = {
    AUTH: "none",
    JOURNAL_DIR: await newDirectory(t),
    TOPIC_PREFIX: prefix,
    SHUTDOWN_TIMEOUT_MS: "1000",
  };
  const gone = {
    ...env,
    KAFKA_BROKERS: `127.0.0.1:${deadBroker}`,
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${deadRegistry}`,
  };
  const bodies = Array.from({ length: 50 }, finished);

  const inOutage = await startBridgeProcess(gone);
  t.after(() => inOutage.end("SIGKILL"));
  const ready = await fetch(`http://127.0.0.1:${inOutage.adminPort}/ready`);
  assert.equal(ready.status, 200, "with a journal on disk the bridge is ready without Kafka");
  const answers = await Promise.all(bodies.map((body) => post(inOutage.port, body)));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.ok(Math.max(...answers.map(({ ms }) => ms)) < 4000);
  assert.equal(await inOutage.end("SIGTERM"), 0);

  const next = await startBridgeProcess({
    ...env,
    KAFKA_BROKERS: brokers.join(","),
    SCHEMA_REGISTRY_URL: registryUrl,
  });
  t.after(() => next.end("SIGKILL"));
  await eventually(async () => {
    const present = await idsInTopic(brokers, `${prefix}envelope.finished`);
    assert.deepEqual([...present].toSorted(), bodies.map(eventIdOf).toSorted());
    return true;
  });

  const [first] = bodies;
  assert.ok(first !== undefined);
  assert.equal((await post(next.port, first)).status, 200, "P7: the sender's late retry is acknowledged");
  assert.equal(
    (await idsInTopic(brokers, `${prefix}envelope.finished`)).length,
    bodies.length,
    "and not sent twice",
  );
  assert.equal(await next.end("SIGTERM"), 0);
});

test("P9: a second bridge on the same journal refuses to start and names the directory", async (t) => {
  const { brokers, registryUrl } = sharedStack();
  const directory = await newDirectory(t);
  const env = {
    AUTH: "none",
    JOURNAL_DIR: directory,
    KAFKA_BROKERS: brokers.join(","),
    SCHEMA_REGISTRY_URL: registryUrl,
    TOPIC_PREFIX: freshPrefix(),
  };
  const first = await startBridgeProcess(env);
  t.after(() => first.end("SIGKILL"));
  await assert.rejects(startBridgeProcess(env), (error: Error) =>
    error.message.includes(`${directory} is in use`),
  );
});
