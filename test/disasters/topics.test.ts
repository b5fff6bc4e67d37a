import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import kafkajs, { type Admin } from "kafkajs";
import { type LocalKafka, startKafka } from "../../local/kafka.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openBridgeProcess, untilReady } from "../support/openBridge.ts";
import { recordsIn, topicsUnder } from "../support/records.ts";
import { idOf, post } from "../support/sender.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ConfigResourceTypes, Kafka, logLevel } =
  kafkajs;
const { ResourcePatternTypes } = kafkajs;

/** Clients come as the user `bridge`, whom ACLs can deny; the tests come past all that. */
const properties = {
  "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
  "sasl.enabled.mechanisms": "PLAIN",
  "listener.name.client.plain.sasl.jaas.config":
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_bridge="secret";',
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": "User:ANONYMOUS",
  "allow.everyone.if.no.acl.found": "true",
};

const openAdmin = async (t: TestContext, kafka: LocalKafka): Promise<Admin> => {
  const brokers = kafka.internalBootstrap.split(",");
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  return admin;
};

const rightsOn = (resourceName: string) => {
  const common = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: "User:bridge",
    host: "*",
  };
  return [
    { ...common, operation: AclOperationTypes.DESCRIBE, permissionType: AclPermissionTypes.ALLOW },
    { ...common, operation: AclOperationTypes.WRITE, permissionType: AclPermissionTypes.DENY },
  ];
};

const bodyOf = (action: string, note: string): Buffer =>
  Buffer.from(JSON.stringify({ event: action, eventPayload: { envelopeId: randomUUID(), note } }));

const percentile99 = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;

type Load = {
  readonly port: number;
  /** Milliseconds. */
  readonly lasts: number;
  /** What is sent beside the healthy ones: theirs are not waited for. */
  readonly beside: (round: number) => readonly Buffer[];
};

/** Two healthy callbacks and what is sent beside them, fifty times a second. Every callback must be answered 200. */
const sendFor = async ({ port, lasts, beside }: Load) => {
  const times: number[] = [];
  const bodies: Buffer[] = [];
  const answers: Promise<void>[] = [];
  const send = async (body: Buffer, isHealthy: boolean): Promise<void> => {
    bodies.push(body);
    const answer = await post(port, body, {});
    assert.equal(answer.status, 200);
    if (isHealthy) times.push(answer.ms);
  };
  const endsAt = performance.now() + lasts;
  for (let round = 0; performance.now() < endsAt; round += 1) {
    for (const action of ["ENVELOPE_START", "ENVELOPE_FINISH"]) answers.push(send(bodyOf(action, ""), true));
    for (const body of beside(round)) answers.push(send(body, false));
    await after(20);
  }
  await Promise.all(answers);
  return { bodies, p99: percentile99(times) };
};

test("P3, P6, P10: one topic deleted, one denied by an ACL, one with a tiny limit: the others keep their latency, lanes drain when mended, nothing is lost", async (t) => {
  await using kafka = await startKafka({ properties });
  const admin = await openAdmin(t, kafka);
  const directory = await newDirectory(t);
  const prefix = freshPrefix();
  const bridge = await openBridgeProcess(t, {
    AUTH: "none",
    JOURNAL_DIR: directory,
    KAFKA_BROKERS: kafka.bootstrap,
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: "bridge",
    KAFKA_SASL_PASSWORD: "secret",
    SCHEMA_REGISTRY_URL: sharedStack().registryUrl,
    TOPIC_PREFIX: prefix,
  });
  await untilReady(bridge);
  const deleted = `${prefix}envelope.cancelled`;
  const denied = `${prefix}envelope.declined`;
  const tiny = `${prefix}envelope.expired`;
  const { port } = bridge;
  await sendFor({ port, lasts: 2000, beside: () => [] });
  const before = await sendFor({ port, lasts: 8000, beside: () => [] });

  await admin.deleteTopics({ topics: [deleted] });
  await admin.createAcls({ acl: rightsOn(denied) });
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: ConfigResourceTypes.TOPIC,
        name: tiny,
        configEntries: [{ name: "max.message.bytes", value: "1500" }],
      },
    ],
  });
  const tooLarge: Buffer[] = [];
  const during = await sendFor({
    port,
    lasts: 15_000,
    beside: (round) => {
      const large = bodyOf("ENVELOPE_EXPIRED", "x".repeat(3000));
      if (round % 10 === 5) tooLarge.push(large);
      return [
        bodyOf("ENVELOPE_CANCEL", ""),
        bodyOf("SIGNER_DECLINED", ""),
        ...(round % 10 === 5 ? [large] : []),
        ...(round % 10 === 0 ? [bodyOf("ENVELOPE_EXPIRED", "")] : []),
      ];
    },
  });
  const parked = await bridge.metrics();
  t.diagnostic(`p99 of the reply: ${before.p99.toFixed(1)} ms before, ${during.p99.toFixed(1)} ms during`);
  assert.equal(parked.sum("lane_parked", { topic: deleted }), 1);
  assert.equal(parked.sum("lane_parked", { topic: denied }), 1);
  assert.ok(parked.sum("journal_pending_records") > 0, "what is parked is pending");
  // Twice, and what a busy machine adds to one in a hundred by itself.
  assert.ok(during.p99 <= 2 * before.p99 + 150, `${during.p99} ms instead of ${before.p99} ms`);

  await admin.createTopics({ topics: [{ topic: deleted, numPartitions: 3 }] });
  await admin.deleteAcls({ filters: rightsOn(denied) });
  const mendedAt = performance.now();
  await eventually(
    async () => {
      const metrics = await bridge.metrics();
      return metrics.sum("lane_parked") === 0 && metrics.sum("journal_pending_records") === 0;
    },
    { withinMs: 60_000 },
  );
  t.diagnostic(`lanes empty ${Math.round(performance.now() - mendedAt)} ms after the faults were mended`);

  const records = await recordsIn(kafka.internalBootstrap.split(","), topicsUnder(prefix));
  const found = new Set(records.map(({ headers }) => headers["ce_id"]));
  const sent = [...before.bodies, ...during.bodies].map(idOf);
  assert.deepEqual(
    sent.filter((id) => !found.has(id)),
    [],
    "lost",
  );
  const letters = records.filter(({ topic }) => topic === `${prefix}dead-letter`);
  assert.deepEqual(new Set(letters.map(({ headers }) => headers["ce_id"])), new Set(tooLarge.map(idOf)));
  for (const { headers } of letters) {
    assert.equal(headers["dead-letter-reason"], "record-too-large");
    assert.equal(headers["dead-letter-topic"], tiny);
  }
  assert.equal(await bridge.end("SIGTERM"), 0);
});
