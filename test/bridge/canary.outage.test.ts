import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePorts } from "../../local/ports.ts";
import { canaryBodies, leaks, secretSettings } from "../support/canary.ts";
import {
  adminPages,
  all,
  assertTraced,
  commandOutput,
  healthy,
  inOutage,
  openEcho,
  post,
  settings,
} from "../support/canaryBridge.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { openBridgeProcess, sharedSettings } from "../support/openBridge.ts";
import { textOf } from "../support/process.ts";

/** One byte of an early record in each segment is another one. */
const damage = async (directory: string): Promise<void> => {
  const files = (await readdir(directory)).filter((name) => name.endsWith(".journal"));
  assert.ok(files.length > 0);
  for (const name of files) {
    const bytes = await readFile(join(directory, name));
    const at = Math.min(5000, bytes.length >> 1);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(join(directory, name), bytes);
  }
};

test("P5: in an outage, after damage and with topics missing, neither the bridge nor the operator's commands show a secret or a person", async (t) => {
  const shared = sharedSettings();
  const directory = await newDirectory(t);
  const [nobody] = await freePorts(1);
  const base = {
    ...shared,
    ...settings,
    JOURNAL_DIR: directory,
    REPLY_DEADLINE_MS: "3000",
    SHUTDOWN_TIMEOUT_MS: "300",
  };
  const texts: Record<string, string> = {};
  const out = await openBridgeProcess(t, {
    ...base,
    ...secretSettings(inOutage),
    KAFKA_BROKERS: `127.0.0.1:${nobody}`,
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: "kafka-user",
    SCHEMA_REGISTRY_URL: await openEcho(t, 500),
  });
  const answers = await Promise.all(canaryBodies.map((body) => post(out, body)));
  assert.ok(
    answers.every((answer) => answer.startsWith("200 ")),
    "the disk has them",
  );
  texts["answers in an outage"] = answers.join("\n");
  texts["pages in an outage"] = await adminPages(out);
  await out.end("SIGTERM");
  assertTraced(out);
  texts["log of an outage"] = textOf(out);
  texts["commands in an outage"] = await commandOutput(directory);

  const damaged = await newDirectory(t);
  await cp(directory, damaged, { recursive: true });
  await damage(damaged);
  texts["commands after damage"] = await commandOutput(damaged);
  assert.match(texts["commands after damage"], /damage/);

  const parking = await openBridgeProcess(t, {
    ...base,
    ...secretSettings([...healthy, "SCHEMA_REGISTRY_PASSWORD"]),
    JOURNAL_DIR: damaged,
    TOPICS: "verify",
  });
  await eventually(
    async () => {
      const { sum } = await parking.metrics();
      const [parked, damages] = [sum("lane_parked"), sum("journal_damaged_total")];
      assert.ok(parked > 1 && damages > 0, `${parked} parked, ${damages} damaged\n${textOf(parking)}`);
    },
    { withinMs: 60_000 },
  );
  texts["pages with parked topics"] = await adminPages(parking);
  await parking.end("SIGTERM");
  texts["log of parked topics"] = textOf(parking);
  texts["commands with parked topics"] = await commandOutput(damaged);
  assert.match(texts["commands with parked topics"], /parked +test-\S+ \(\d+\)/);
  assert.deepEqual(leaks(texts, all), []);
});
