import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { startRegistry } from "../../local/registry.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openBridgeProcess } from "../support/openBridge.ts";
import { type BridgeProcess, textOf } from "../support/process.ts";
import { type FoundRecord, recordsIn } from "../support/records.ts";
import { openRegistryFront, type RegistryMood } from "../support/registryFront.ts";
import { hmacSettings, idOf, post } from "../support/sender.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";

const finished = (): Buffer =>
  Buffer.from(
    JSON.stringify({
      event: "ENVELOPE_FINISH",
      eventPayload: { envelopeId: randomUUID(), envelopeStatus: 2 },
    }),
  );

const settingsFor = async (t: TestContext, registryUrl: string) => {
  const directory = await newDirectory(t);
  const { brokers } = sharedStack();
  return {
    ...hmacSettings,
    JOURNAL_DIR: directory,
    KAFKA_BROKERS: brokers.join(","),
    SCHEMA_REGISTRY_URL: registryUrl,
    TOPIC_PREFIX: freshPrefix(),
    SHUTDOWN_TIMEOUT_MS: "1000",
  };
};

const finishedRecords = (prefix: string): Promise<readonly FoundRecord[]> =>
  recordsIn(sharedStack().brokers, [`${prefix}envelope.finished`]);

const untilDelivered = (prefix: string, bodies: readonly Buffer[]): Promise<boolean> =>
  eventually(
    async () => {
      const ids = (await finishedRecords(prefix)).map(({ headers }) => headers["ce_id"] ?? "");
      assert.deepEqual(ids.toSorted(), bodies.map(idOf).toSorted());
      return true;
    },
    { withinMs: 30_000 },
  );

const acceptedBy = async (bridge: BridgeProcess, body: Buffer): Promise<number> => {
  const { status, ms } = await post(bridge.port, body);
  assert.equal(status, 200, textOf(bridge));
  assert.ok(ms < 4000, `P2: answered after ${ms} ms`);
  return ms;
};

const moods: readonly (readonly [RegistryMood, string])[] = [
  ["gone", "that is gone"],
  ["hang", "that never answers"],
  ["error", "that answers 500"],
  ["garbage", "in whose place something else answers"],
];

for (const [mood, words] of moods) {
  test(`P1, P2: without known ids and with a registry ${words}, callbacks are accepted, wait and arrive when it is back`, async (t) => {
    await using front = await openRegistryFront(sharedStack().registryUrl);
    front.mood = mood;
    const settings = await settingsFor(t, front.url);
    const bridge = await openBridgeProcess(t, settings);
    const body = finished();
    await acceptedBy(bridge, body);
    assert.equal((await bridge.ready()).status, 200, "with a journal on disk it is ready all the same");
    await eventually(async () => (await bridge.metrics()).sum("registry_failures_total") > 0);
    front.mood = "pass";
    await untilDelivered(settings.TOPIC_PREFIX, [body]);
    assert.equal(await bridge.end("SIGTERM"), 0);
  });

  test(`P1, P10: with ids known from before and a registry ${words}, a restart publishes at once`, async (t) => {
    await using front = await openRegistryFront(sharedStack().registryUrl);
    const settings = await settingsFor(t, front.url);
    const bodies = [finished(), finished()] as const;
    const before = await openBridgeProcess(t, settings);
    await acceptedBy(before, bodies[0]);
    await untilDelivered(settings.TOPIC_PREFIX, bodies.slice(0, 1));
    assert.equal(await before.end("SIGTERM"), 0);

    front.mood = mood;
    const bridge = await openBridgeProcess(t, settings);
    await acceptedBy(bridge, bodies[1]);
    await untilDelivered(settings.TOPIC_PREFIX, bodies);
    assert.equal(await bridge.end("SIGTERM"), 0, "the end does not wait for the registry");
  });
}

test("P4: a registry that was built anew gives other ids: said as an error, and records carry the new ones", async (t) => {
  const registry = await startRegistry({ storage: "memory" });
  t.after(() => registry[Symbol.asyncDispose]());
  const settings = await settingsFor(t, registry.url);
  const bodies = [finished(), finished()] as const;
  const before = await openBridgeProcess(t, settings);
  await acceptedBy(before, bodies[0]);
  await untilDelivered(settings.TOPIC_PREFIX, bodies.slice(0, 1));
  assert.equal(await before.end("SIGTERM"), 0);

  await registry.kill();
  await registry.start();
  // Takes the number that one of ours had.
  const stranger = { schema: JSON.stringify({ type: "record", name: "Other", fields: [] }) };
  const taken = await fetch(`${registry.url}/subjects/other/versions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(stranger),
  });
  assert.ok(taken.ok, await taken.text());

  const bridge = await openBridgeProcess(t, settings);
  await eventually(
    () =>
      bridge.lines.some(
        ({ level, now, before: old }) => level === 50 && typeof now === "number" && now !== old,
      ),
    { withinMs: 20_000 },
  );
  await acceptedBy(bridge, bodies[1]);
  await untilDelivered(settings.TOPIC_PREFIX, bodies);
  const records = await finishedRecords(settings.TOPIC_PREFIX);
  const id = records.find(({ headers }) => headers["ce_id"] === idOf(bodies[1]))?.value.readUInt32BE(1);
  const found = await fetch(`${registry.url}/schemas/ids/${id}`);
  assert.match(await found.text(), /EnvelopeEvent/);
  assert.equal(await bridge.end("SIGTERM"), 0);
});
