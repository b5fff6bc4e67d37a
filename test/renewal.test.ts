import assert from "node:assert/strict";
import { appendFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Loaded, loadConfig, settingFiles } from "../src/config.ts";
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
const passwordsOf = (password: string) => ({
  KAFKA_SASL_PASSWORD: password,
  SCHEMA_REGISTRY_PASSWORD: password,
});
const configWith = (password: string) => {
  const loaded = loadConfig({ ...settings, ...passwordsOf(password) });
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

/** A file of tokens that is looked at every 10 ms, unless told otherwise, and what is told about it. */
const watching = async (
  t: TestContext,
  { everyMs = 10, loadedAs = (loaded: Loaded): Loaded => loaded } = {},
) => {
  const file = join(await newDirectory(t), "tokens");
  const none = { KAFKA_SASL_MECHANISM: "none", KAFKA_SASL_USERNAME: "", SCHEMA_REGISTRY_USERNAME: "" };
  const env = { ...settings, ...none, TOKENS: "", TOKENS_FILE: file };
  await writeFile(file, "main:0123456789abcdef");
  const first = loadConfig(env);
  assert.ok(first.ok, JSON.stringify(first));
  const live = createLiveSettings(first.config);
  const told: string[] = [];
  const ending = new AbortController();
  t.after(() => ending.abort());
  const { renew } = startRenewal({
    source: { files: settingFiles(env), load: () => loadedAs(loadConfig(env)), warnings: first.warnings },
    signal: ending.signal,
    everyMs,
    apply: (next) => ok(live.renew(next)),
    telemetry: {
      secretsRenewed: (changed, warnings) => void told.push(`renewed ${changed.join()}`, ...warnings),
      secretsRefused: ([problem = ""]) => void told.push(`refused ${problem.split(" ")[0]}`),
    },
  });
  const replace = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  return { file, told, replace, renew };
};

const keyed = (letter: string) => {
  const JOURNAL_KEY = `main:${Buffer.alloc(32, letter).toString("base64")}`;
  const loaded = loadConfig({ ...settings, ...passwordsOf("old"), JOURNAL_KEY });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return loaded.config;
};
test("a changed key of the journal is told, and that it needs a restart", () => {
  const live = createLiveSettings(keyed("a"));
  assert.deepEqual(live.renew(keyed("b")), ["journal key (used after a restart)"]);
  assert.deepEqual(live.renew(keyed("b")), []);
});

test("a file that goes away and comes back is told once, and then that all is well", async (t) => {
  const { file, told, replace } = await watching(t);
  await rm(file);
  await eventually(() => assert.deepEqual(told, ["refused TOKENS_FILE"]));
  await replace("main:0123456789abcdef");
  await eventually(() => assert.deepEqual(told, ["refused TOKENS_FILE", "renewed "]));
  await replace("main:fedcba9876543210");
  await eventually(() => assert.deepEqual(told.slice(2), ["renewed admission"]));
});

test("what is doubtful about a renewed secret is told, as at the start", async (t) => {
  const { told, replace } = await watching(t);
  await replace("main:short");
  const warning = "TOKENS: the secret named main has fewer than 16 characters";
  await eventually(() => assert.deepEqual(told, ["renewed admission", warning]));
  await replace("main:short,more:0123456789abcdef");
  await eventually(() => assert.deepEqual(told.slice(2), ["renewed admission"], "a warning is told once"));
});

test("told to look at once, a file that is half written is not taken", async (t) => {
  const { file, told, renew } = await watching(t, { everyMs: 3_600_000 });
  await writeFile(file, "main:fedcba98");
  const renewed = renew();
  await appendFile(file, "76543210");
  await renewed;
  assert.deepEqual(told, ["renewed admission"]);
  await renew();
  assert.deepEqual(told.slice(1), ["renewed "]);
});

test("files that could not be read for a moment are read again, and told once", async (t) => {
  let failures = 3;
  const { told, replace } = await watching(t, {
    loadedAs: (loaded) => {
      if (!loaded.ok || loaded.config.tokens[0]?.secret !== "fedcba9876543210" || failures === 0)
        return loaded;
      failures -= 1;
      return { ok: false, problems: ["EMFILE"] };
    },
  });
  await replace("main:fedcba9876543210");
  await eventually(() => assert.deepEqual(told, ["refused EMFILE", "renewed admission"]));
});
