import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { freePorts } from "../../local/ports.ts";
import { sharedStack } from "../support/stack.ts";

const script = join(import.meta.dirname, "..", "..", "local", "demo.ts");

/** The demo without a terminal, on servers that run already. */
const runDemo = async (registryUrl: string, ...args: readonly string[]) => {
  const KAFKA_BROKERS = sharedStack().brokers.join(",");
  const demo = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, KAFKA_BROKERS, SCHEMA_REGISTRY_URL: registryUrl },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const late = setTimeout(() => demo.kill("SIGKILL"), 60_000);
  const [stdout, stderr] = await Promise.all([text(demo.stdout), text(demo.stderr), once(demo, "exit")]);
  clearTimeout(late);
  return { code: demo.exitCode, stdout, told: stdout + stderr };
};

for (const args of [["--once"], []]) {
  test(`the demo ${args.join("") || "without a terminal"} shows every callback in its topic and ends with 0`, async () => {
    const { code, stdout, told } = await runDemo(sharedStack().registryUrl, ...args);
    assert.equal(code, 0, told);
    assert.match(stdout, /All 22 calls came out as they must\./);
  });
}

test("the demo ends with 1 and says what is missing when the registry's address is wrong", async () => {
  const [port] = await freePorts(1);
  const { code, told } = await runDemo(`http://127.0.0.1:${port}`, "--once");
  assert.equal(code, 1, told);
  assert.match(told, /registry-unavailable|not ready within/);
});
