import assert from "node:assert/strict";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, settingFiles } from "../src/config.ts";
import { startingWith } from "../src/io/kafka/client.ts";
import { createLiveSettings, startRenewal } from "../src/renewal.ts";
import { ok } from "../src/core/result.ts";
import { newDirectory } from "./support/directories.ts";
import { eventually } from "./support/eventually.ts";

const settings = {
  AUTH: "token",
  TOKENS: "main:0123456789abcdef",
  KAFKA_BROKERS: "a:1,b:2",
  KAFKA_SASL_MECHANISM: "scram-sha-512",
  KAFKA_SASL_USERNAME: "bridge",
  SCHEMA_REGISTRY_URL: "http://registry:8081",
  SCHEMA_REGISTRY_USERNAME: "bridge",
};
const configWith = (password: string) => {
  const passwords = { KAFKA_SASL_PASSWORD: password, SCHEMA_REGISTRY_PASSWORD: password };
  const loaded = loadConfig({ ...settings, ...passwords });
  assert.ok(loaded.ok);
  return loaded.config;
};

test("the next connection to Kafka and the registry has the new credentials", () => {
  const live = createLiveSettings(configWith("old"));
  const { kafka, registry } = live;
  assert.equal(startingWith(kafka, 0).sasl?.password, "old");
  assert.deepEqual(live.renew(configWith("new")), ["kafka", "registry"]);
  assert.equal(startingWith(kafka, 1).sasl?.password, "new");
  assert.deepEqual({ ...registry }.auth, { kind: "basic", username: "bridge", password: "new" });
  assert.deepEqual(live.renew(configWith("new")), [], "the same again is no change");
});

test("a file that goes away and comes back is told once, and then that all is well", async (t) => {
  const folder = await newDirectory(t);
  const file = join(folder, "tokens");
  const env = {
    ...settings,
    KAFKA_SASL_MECHANISM: "none",
    KAFKA_SASL_USERNAME: "",
    SCHEMA_REGISTRY_USERNAME: "",
  };
  const fromFile = { ...env, TOKENS: "", TOKENS_FILE: file };
  await writeFile(file, "main:0123456789abcdef");
  const first = loadConfig(fromFile);
  assert.ok(first.ok, JSON.stringify(first));
  const live = createLiveSettings(first.config);
  const told: string[] = [];
  const ending = new AbortController();
  t.after(() => ending.abort());
  startRenewal({
    source: { files: settingFiles(fromFile), load: () => loadConfig(fromFile) },
    signal: ending.signal,
    everyMs: 10,
    apply: (next) => ok(live.renew(next)),
    telemetry: {
      secretsRenewed: (changed) => void told.push(`renewed ${changed.join()}`),
      secretsRefused: ([problem = ""]) => void told.push(`refused ${problem.split(" ")[0]}`),
    },
  });
  const replace = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await rm(file);
  await eventually(() => assert.deepEqual(told, ["refused TOKENS_FILE"]));
  await replace("main:0123456789abcdef");
  await eventually(() => assert.deepEqual(told, ["refused TOKENS_FILE", "renewed "]));
  await replace("main:fedcba9876543210");
  await eventually(() => assert.deepEqual(told.slice(2), ["renewed admission"]));
});
