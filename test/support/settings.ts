import assert from "node:assert/strict";
import { type Config, type Environment, loadConfig } from "../../src/config.ts";

export const hmacKeys = "main:0123456789abcdef0123456789abcdef";

/** As few settings as a bridge starts with. */
export const least = {
  AUTH: "hmac",
  HMAC_KEYS: hmacKeys,
  KAFKA_BROKERS: "kafka:9092",
  SCHEMA_REGISTRY_URL: "http://registry:8081",
};

export const problemsOf = (env: Environment): readonly string[] => {
  const loaded = loadConfig(env);
  return loaded.ok ? [] : loaded.problems;
};

/** Beside the least. */
export const loadedFrom = (env: Environment): { config: Config; warnings: readonly string[] } => {
  const loaded = loadConfig({ ...least, ...env });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.problems.join("\n"));
  return loaded;
};
