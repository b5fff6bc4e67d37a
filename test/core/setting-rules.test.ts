import assert from "node:assert/strict";
import { test } from "node:test";
import { contradictions, doubtful, mistyped } from "../../src/core/setting-rules.ts";

type Texts = Parameters<typeof contradictions>[0];

const sound: Texts = { AUTH: "hmac", HMAC_KEYS: "main:0123456789abcdef" };

test("settings that agree are neither refused nor doubted", () => {
  assert.deepEqual(contradictions(sound), []);
  assert.deepEqual(doubtful(sound), []);
});

test("each contradiction is told by itself, with a setting's name in front", () => {
  const both: Texts = { ...sound, ACK_AFTER: "stored", JOURNAL_DIR: "none", PORT: "8081" };
  const told = contradictions(both);
  assert.equal(told.length, 2);
  for (const line of told) assert.match(line, /^[A-Z_]+[ =]/);
});

test("P5: what is doubted or refused is told without its value", () => {
  const secret = "the-password-itself";
  const texts: Texts = {
    AUTH: "none",
    HMAC_KEYS: `main:${secret}`,
    TOKENS: `main:${secret}`,
    KAFKA_SASL_PASSWORD: secret,
    SCHEMA_REGISTRY_PASSWORD: secret,
    SCHEMA_REGISTRY_TOKEN: secret,
    SCHEMA_REGISTRY_URL: "http://registry",
  };
  const told = [...contradictions(texts), ...doubtful(texts)];
  assert.ok(told.length > 3);
  assert.ok(!told.some((line) => line.includes(secret)));
});

test("a name one or two letters off is asked about, one of ours that is none is told, others are left alone", () => {
  const known = ["HOST", "KAFKA_BROKERS", "TOPIC_PREFIX"];
  assert.deepEqual(mistyped(["KAFKA_BROKER", "HOTS", "HOME", "KAFKA_SERVICE_HOST", "TOPIC_COLOUR"], known), [
    "KAFKA_BROKER is not a setting; did you mean KAFKA_BROKERS?",
    "TOPIC_COLOUR is not a setting",
  ]);
});
