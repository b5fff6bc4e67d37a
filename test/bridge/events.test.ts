import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";
import { eventually } from "../support/eventually.ts";
import { type Decoded, decodeWithFastavro } from "../support/fastavro.ts";
import { canonicalFixtures, type Fixture, variantFixtures } from "../support/fixtures.ts";
import { partitionOf } from "../../src/core/murmur2.ts";
import { type BridgeProcess, startBridgeProcess } from "../support/process.ts";
import { type FoundRecord, recordsIn, topicsUnder } from "../support/records.ts";
import { type Answer, hmacSettings, idOf, post } from "../support/sender.ts";
import { freshPrefix, sharedStack } from "../support/stack.ts";

const { brokers, registryUrl } = sharedStack();
const prefix = freshPrefix();
/** Not the default, and prime: a partition that is right by accident is rare. */
const partitions = 7;
const fixtures = [...canonicalFixtures, ...variantFixtures];

type Outcome = {
  readonly answer: Answer;
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly records: readonly FoundRecord[];
  readonly byRegistryClient: unknown;
  readonly byFastavro: Decoded | undefined;
};
const outcomes = new Map<Fixture, Outcome>();
let bridge: BridgeProcess | undefined;

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** All that is expected of a fixture, its topic below the prefix of this test. */
const expectedOf = ({ expected }: Fixture) => {
  assert.ok(typeof expected === "object" && expected !== null);
  assert.ok("key" in expected && typeof expected.key === "string");
  assert.ok("topic" in expected && typeof expected.topic === "string");
  assert.ok("value" in expected && typeof expected.value === "object");
  return { key: expected.key, topic: expected.topic.replace(/^esign\./, ""), value: expected.value };
};

const outcomeOf = (fixture: Fixture): Outcome => {
  const outcome = outcomes.get(fixture);
  assert.ok(outcome !== undefined, "the callback was sent");
  return outcome;
};

const recordOf = (fixture: Fixture): FoundRecord => {
  const [record, ...others] = outcomeOf(fixture).records;
  assert.ok(record !== undefined, "the record is in some topic");
  assert.equal(others.length, 0, "and once");
  return record;
};

before(async () => {
  bridge = await startBridgeProcess({
    ...hmacSettings,
    JOURNAL_DIR: "none",
    KAFKA_BROKERS: brokers.join(","),
    SCHEMA_REGISTRY_URL: registryUrl,
    TOPIC_PREFIX: prefix,
    TOPIC_PARTITIONS: String(partitions),
  });
  const { port, ready } = bridge;
  await eventually(async () => (await ready()).status === 200, { withinMs: 30_000 });
  const sent: { fixture: Fixture; answer: Answer; sentAt: number; answeredAt: number }[] = [];
  for (const fixture of fixtures) {
    const sentAt = Date.now();
    const answer = await post(port, fixture.body);
    sent.push({ fixture, answer, sentAt, answeredAt: Date.now() });
  }
  const records = await recordsIn(brokers, topicsUnder(prefix));
  const decoded = await decodeWithFastavro(
    registryUrl,
    records.map(({ value }) => value),
  );
  const registry = new SchemaRegistry({ host: registryUrl });
  for (const { fixture, ...rest } of sent) {
    const ofFixture = records.filter(({ headers }) => headers["ce_id"] === idOf(fixture.body));
    const [first] = ofFixture;
    outcomes.set(fixture, {
      ...rest,
      records: ofFixture,
      byRegistryClient: first === undefined ? null : plain(await registry.decode(first.value)),
      byFastavro: first === undefined ? undefined : decoded[records.indexOf(first)],
    });
  }
});

after(() => bridge?.end("SIGKILL"));

for (const fixture of fixtures) {
  const { dialect, action, variant } = fixture;
  test(`P3, P4: ${action} of the ${dialect}${variant && ` (${variant})`} is answered as asked and stands in its topic for every reader`, () => {
    const { answer, sentAt, answeredAt, byRegistryClient, byFastavro } = outcomeOf(fixture);
    assert.equal(answer.status, 200);
    assert.equal(answer.body, '{"code":"200","msg":"success"}');
    assert.equal(answer.headers.get("content-type"), "application/json");
    assert.equal(answer.headers.get("content-length"), "30");

    const expected = expectedOf(fixture);
    const record = recordOf(fixture);
    const { topic, key, partition, timestamp, headers, value } = record;
    assert.equal(topic, prefix + expected.topic);
    assert.equal(key, expected.key);
    assert.equal(partition, partitionOf(expected.key, partitions));
    assert.ok(
      sentAt <= timestamp && timestamp <= answeredAt,
      "the time of the record is that of the receipt",
    );
    assert.deepEqual(headers, {
      ce_specversion: "1.0",
      ce_id: idOf(fixture.body),
      ce_source: "/esignglobal/main",
      ce_type: `com.esignglobal.${expected.topic}`,
      ce_time: new Date(timestamp).toISOString(),
      ce_subject: expected.key,
      "content-type": "application/avro",
    });

    const whole = {
      eventId: idOf(fixture.body),
      source: "main",
      receivedAt: timestamp,
      ...expected.value,
    };
    assert.deepEqual(byRegistryClient, whole, "as the registry client reads it");
    assert.deepEqual(byFastavro?.value, whole, "as fastavro reads it");
    assert.equal(byFastavro?.schemaId, value.readInt32BE(1));
    assert.equal(
      byFastavro?.schema,
      expected.topic.startsWith("template") ? "esign.TemplateFillResult" : "esign.EnvelopeEvent",
    );
  });
}

test("P4: each topic has a subject of its own name, which gives the id in its records", async () => {
  for (const fixture of canonicalFixtures) {
    const { topic, value } = recordOf(fixture);
    const answer = await fetch(`${registryUrl}/subjects/${topic}-value/versions/latest`);
    const latest: unknown = await answer.json();
    assert.ok(typeof latest === "object" && latest !== null && "id" in latest, JSON.stringify(latest));
    assert.equal(value.readInt32BE(1), latest.id);
  }
});
