import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import { subjectOf } from "../../src/core/catalog.ts";
import { eventually } from "../support/eventually.ts";
import { openFaultProxy } from "../support/faultProxy.ts";
import { openBridgeProcess, sharedSettings, untilReady } from "../support/openBridge.ts";
import { runBridgeProcess, textOf } from "../support/process.ts";
import { recordsIn, topicsUnder } from "../support/records.ts";
import { idOf, post } from "../support/sender.ts";

const finished = (id: string): Buffer =>
  Buffer.from(`{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"${id}","envelopeStatus":2}}`);

const adminOf = async (t: TestContext, brokers: string) => {
  const admin = new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  return admin;
};

const registryProxy = async (t: TestContext, url: string) => {
  const { hostname, port, pathname } = new URL(url);
  const proxy = await openFaultProxy({ target: { host: hostname, port: Number(port) }, framed: false });
  t.after(() => proxy[Symbol.asyncDispose]());
  return { proxy, url: `http://127.0.0.1:${proxy.port}${pathname}` };
};

const put = async (address: string, method: "PUT" | "POST", content: object): Promise<void> => {
  const headers = { "content-type": "application/vnd.schemaregistry.v1+json" };
  const answer = await fetch(address, { method, headers, body: JSON.stringify(content) });
  assert.ok(answer.ok, `${address}: ${answer.status} ${await answer.text()}`);
};

for (const [how, silent] of [
  ["refuses connections", false],
  ["takes connections and never answers", true],
] as const) {
  test(`P2, P3: with a registry that ${how} the bridge runs, is not ready, answers 503, and is ready when the registry comes`, async (t) => {
    const settings = sharedSettings();
    const { proxy, url } = await registryProxy(t, settings.SCHEMA_REGISTRY_URL);
    if (silent) proxy.delay(3_600_000);
    else proxy.refuse(true);
    const env = { ...settings, SCHEMA_REGISTRY_URL: url, REPLY_DEADLINE_MS: "2000" };
    const bridge = await openBridgeProcess(t, env);

    const body = finished("e-early");
    const early = await post(bridge.port, body);
    assert.deepEqual([early.status, early.body], [503, '{"code":"503","msg":"deadline-passed"}']);
    assert.ok(Number(early.headers.get("retry-after")) > 0);
    assert.ok(early.ms < 4000, `answered after ${early.ms} ms`);
    const { status, body: state } = await bridge.ready();
    assert.equal(status, 503);
    assert.match(JSON.stringify(state), /topics or schema ids not had yet/);

    proxy.heal();
    proxy.cut();
    await untilReady(bridge);
    assert.equal((await post(bridge.port, body)).status, 200, "the sender's next try");
    assert.ok((await bridge.metrics()).sum("registry_failures_total") > 0, "P8: counted");
    assert.ok(
      bridge.lines.some(({ level, reason }) => level === 40 && reason === "registry-unavailable"),
      textOf(bridge),
    );
    const records = await recordsIn(settings.KAFKA_BROKERS.split(","), topicsUnder(settings.TOPIC_PREFIX));
    assert.deepEqual(
      records.map(({ headers }) => headers["ce_id"]),
      [idOf(body)],
      "what came early was not forgotten, and its repeat is not a second event",
    );
  });
}

test("P4: a subject that holds an incompatible schema ends the start with the registry's words and what to do", async (t) => {
  const settings = sharedSettings();
  const subject = subjectOf(`${settings.TOPIC_PREFIX}envelope.finished`);
  const other = {
    type: "record",
    name: "EnvelopeEvent",
    namespace: "esign",
    fields: [{ name: "eventId", type: "int" }],
  };
  await put(`${settings.SCHEMA_REGISTRY_URL}/subjects/${subject}/versions`, "POST", {
    schema: JSON.stringify(other),
  });
  await put(`${settings.SCHEMA_REGISTRY_URL}/config/${subject}`, "PUT", { compatibility: "BACKWARD" });
  const ended = await runBridgeProcess(settings);
  assert.equal(ended.code, 1, textOf(ended));
  const fatal = ended.lines.filter(({ level }) => level === 60);
  assert.equal(fatal.length, 1, textOf(ended));
  assert.equal(fatal[0]?.["reason"], "schema-incompatible");
  const told = String(fatal[0]?.["msg"]);
  assert.ok(told.startsWith(`${subject}: ${settings.SCHEMA_REGISTRY_URL} answered 409: `), told);
  // The registry names the field that clashes.
  assert.match(told, /eventId|READER|incompatible/i);
  assert.match(told, /mend it or its compatibility level in the registry, or set another TOPIC_PREFIX$/);
  t.diagnostic(told);
});

test("SCHEMAS=lookup takes ids of what is registered, and writes nothing", async (t) => {
  const settings = sharedSettings();
  const registering = await openBridgeProcess(t, settings);
  await untilReady(registering);
  assert.equal(await registering.end("SIGTERM"), 0);
  const body = finished("e-lookup");
  const looking = await openBridgeProcess(t, { ...settings, SCHEMAS: "lookup" });
  await untilReady(looking);
  assert.equal((await post(looking.port, body)).status, 200);
  const [record] = await recordsIn(settings.KAFKA_BROKERS.split(","), topicsUnder(settings.TOPIC_PREFIX));
  assert.equal(record?.headers["ce_id"], idOf(body));
});

test("SCHEMAS=lookup with an unknown subject ends the start with its name and what to do, and registers nothing", async () => {
  const settings = sharedSettings();
  const ended = await runBridgeProcess({ ...settings, SCHEMAS: "lookup" });
  assert.equal(ended.code, 1, textOf(ended));
  const fatal = ended.lines.filter(({ level }) => level === 60);
  assert.equal(fatal.length, 1, textOf(ended));
  assert.equal(fatal[0]?.["reason"], "subject-unknown");
  const told = String(fatal[0]?.["msg"]);
  assert.ok(told.startsWith(settings.TOPIC_PREFIX), told);
  assert.match(
    told,
    /answered 404: .+\. Register the files in schemas\/ under this subject, or set SCHEMAS=register$/,
  );
  const subjects: unknown = await (await fetch(`${settings.SCHEMA_REGISTRY_URL}/subjects`)).json();
  assert.ok(
    Array.isArray(subjects) && !subjects.some((name) => String(name).startsWith(settings.TOPIC_PREFIX)),
  );
});

test("P3, P10: TOPICS=verify names the missing topics, makes none, and delivers as soon as they are there", async (t) => {
  const settings = { ...sharedSettings(), TOPICS: "verify" };
  const topics = topicsUnder(settings.TOPIC_PREFIX);
  const missing = [`${settings.TOPIC_PREFIX}envelope.declined`, `${settings.TOPIC_PREFIX}envelope.finished`];
  const admin = await adminOf(t, settings.KAFKA_BROKERS);
  await admin.createTopics({
    topics: topics.filter((topic) => !missing.includes(topic)).map((topic) => ({ topic, numPartitions: 1 })),
    waitForLeaders: true,
  });
  const bridge = await openBridgeProcess(t, settings);
  await untilReady(bridge);
  const complaint = await eventually(() => {
    const found = bridge.lines.find(({ level, topics: named }) => level === 50 && Array.isArray(named));
    assert.ok(found !== undefined, textOf(bridge));
    return found;
  });
  assert.ok(Array.isArray(complaint["topics"]));
  assert.deepEqual(new Set(complaint["topics"]), new Set(missing));
  assert.match(String(complaint["msg"]), /create them, or set TOPICS=create/);

  const waiting = finished("e-waits");
  const started = Buffer.from('{"event":"ENVELOPE_START","eventPayload":{"envelopeId":"e-goes"}}');
  const [refused, accepted] = await Promise.all([post(bridge.port, waiting), post(bridge.port, started)]);
  assert.equal(refused.status, 503);
  assert.equal(accepted.status, 200, "topics that are there go on");

  await admin.createTopics({
    topics: missing.map((topic) => ({ topic, numPartitions: 1 })),
    waitForLeaders: true,
  });
  await eventually(
    async () => {
      const records = await recordsIn(settings.KAFKA_BROKERS.split(","), missing);
      assert.deepEqual(
        records.map(({ headers }) => headers["ce_id"]),
        [idOf(waiting)],
      );
      return true;
    },
    { withinMs: 40_000 },
  );
  assert.equal((await post(bridge.port, finished("e-later"))).status, 200);
});
