import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { newDirectory } from "../support/directories.ts";
import { canonicalFixtures, schemaTypes } from "../support/fixtures.ts";
import { sharedSettings, untilReady } from "../support/openBridge.ts";
import { startBridgeProcess, textOf } from "../support/process.ts";
import { recordsIn } from "../support/records.ts";
import { idOf, post } from "../support/sender.ts";

const root = join(import.meta.dirname, "..", "..");
/** What the image holds. */
const shipped = ["package.json", "package-lock.json", ".npmrc", "schemas", "src"];

test("P4, P5: installed without scripts and without tools, the bridge starts, encodes and publishes", async (t) => {
  const folder = await newDirectory(t);
  for (const name of shipped) await cp(join(root, name), join(folder, name), { recursive: true });
  const install = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  await promisify(execFile)("npm", install, { cwd: folder });

  const settings = sharedSettings();
  const bridge = await startBridgeProcess(settings, folder);
  t.after(() => bridge.end("SIGKILL"));
  await untilReady(bridge);
  const fixture = canonicalFixtures.find(({ action }) => action === "ENVELOPE_FINISH");
  assert.ok(fixture !== undefined);
  const answer = await post(bridge.port, fixture.body);
  assert.equal(answer.status, 200, textOf(bridge));
  const [record] = await recordsIn(settings.KAFKA_BROKERS.split(","), [
    `${settings.TOPIC_PREFIX}envelope.finished`,
  ]);
  assert.ok(record !== undefined);
  const value: unknown = schemaTypes["envelope-event"].fromBuffer(record.value.subarray(5));
  assert.ok(typeof value === "object" && value !== null && "eventId" in value);
  assert.equal(value.eventId, idOf(fixture.body));
  assert.equal(await bridge.end("SIGTERM"), 0);
});
