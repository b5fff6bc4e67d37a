import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { newDirectory } from "./support/directories.ts";
import { sharedStack } from "./support/stack.ts";

const run = promisify(execFile);
const figures = ["callbacksPerSecond", "cpuMicrosPerCallback", "p50Ms", "p99Ms", "p999Ms", "rssMb"];
const tiny = [
  "--rounds",
  "2",
  "--seconds",
  "0.5",
  "--latency-seconds",
  "0.5",
  "--warm-up",
  "0.2",
  "--no-pin",
];

type Written = {
  readonly candidates: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly spread: Readonly<
    Record<string, Readonly<Record<string, { readonly minimum: number; readonly maximum: number }>>>
  >;
  readonly targets: readonly { readonly name: string; readonly value: number }[];
};

/** A pause of the machine is none of the bench's. */
const tookNearlyAll = ({ callbacksPerSecond = 0, notAcknowledged = Infinity }) =>
  notAcknowledged < callbacksPerSecond / 10;

test("the bench writes the medians and the spread of each candidate, a picture, and a table", async (t) => {
  const { brokers, registryUrl } = sharedStack();
  const out = await newDirectory(t);
  const { stdout } = await run(
    process.execPath,
    ["bench/main.ts", ...tiny, "--only", "floor,usual-way,disk-published", "--out", out],
    { env: { ...process.env, KAFKA_BROKERS: brokers.join(","), SCHEMA_REGISTRY_URL: registryUrl } },
  );

  const written: Written = JSON.parse(await readFile(join(out, "results.json"), "utf8"));
  assert.deepEqual(Object.keys(written.candidates), ["floor", "usual-way", "disk-published"]);
  for (const [name, candidate] of Object.entries(written.candidates)) {
    for (const figure of figures) {
      const { minimum = Number.NaN, maximum = Number.NaN } = written.spread[name]?.[figure] ?? {};
      const median = candidate[figure] ?? Number.NaN;
      assert.ok(median > 0 && minimum <= median && median <= maximum, `${name} ${figure}: ${median}`);
    }
    assert.ok(tookNearlyAll(candidate), `${name} refused ${candidate["notAcknowledged"]}`);
    assert.match(stdout, new RegExp(`^${name} +\\d`, "m"));
  }
  assert.ok(written.targets.some(({ name, value }) => name.includes("floor") && value > 0));
  assert.match(
    await readFile(join(out, "results.svg"), "utf8"),
    /^<svg [\s\S]*disk-published[\s\S]*<\/svg>\n$/,
  );
});

test("the bench says what is wrong with an option and measures nothing", async () => {
  const failed = await run(process.execPath, ["bench/main.ts", "--only", "nothing"]).catch(
    (error: { code: number; stderr: string }) => error,
  );
  assert.ok("code" in failed && failed.code === 1);
  assert.match(failed.stderr, /--only must be one of floor, usual-way, .*, not nothing/);
});

test("the bench compares one thread with two workers, and tells a ratio only where cores allow one", async (t) => {
  const { brokers, registryUrl } = sharedStack();
  const out = await newDirectory(t);
  const { stderr, stdout } = await run(
    process.execPath,
    ["bench/main.ts", "workers", ...tiny, "--out", out],
    {
      env: { ...process.env, KAFKA_BROKERS: brokers.join(","), SCHEMA_REGISTRY_URL: registryUrl },
    },
  );
  for (const figure of ["two.cpuMicrosPerCallback", "cpuRatio", "apartCpuRatio", "throughputRatioAllowed"])
    assert.match(stdout, new RegExp(`^  ${figure} +[\\d.]+$`, "m"));
  assert.notEqual(/not measured: the ratio/.test(stderr), /^  throughputRatio +/m.test(stdout));
});
