import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { crc32 } from "node:zlib";
import { freePorts } from "../../local/ports.ts";
import { eventIdOf } from "../../src/core/record.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { keyLine, keysOf, oneKey } from "../support/journalKeys.ts";
import { openOrFail, readAll } from "../support/journals.ts";
import { type BridgeProcess, runBridgeProcess, startBridgeProcess } from "../support/process.ts";

/** Nothing leaves the disk: neither Kafka nor a registry is there. */
const environment = async (journal: string): Promise<Record<string, string>> => {
  const [broker, registry] = await freePorts(2);
  return {
    AUTH: "none",
    ACK_AFTER: "stored",
    JOURNAL_DIR: journal,
    KAFKA_BROKERS: `127.0.0.1:${broker}`,
    SCHEMA_REGISTRY_URL: `http://127.0.0.1:${registry}`,
    SHUTDOWN_TIMEOUT_MS: "500",
  };
};

type Sender = { readonly acknowledged: Set<string>; readonly send: () => Promise<number> };

const createSender = (port: number): Sender => {
  const acknowledged = new Set<string>();
  const send = async (): Promise<number> => {
    const text = {
      event: "ENVELOPE_FINISH",
      eventPayload: { envelopeId: randomUUID(), pad: "x".repeat(2000) },
    };
    const body = Buffer.from(JSON.stringify(text));
    const answer = await fetch(`http://127.0.0.1:${port}/callback`, { method: "POST", body });
    await answer.arrayBuffer();
    if (answer.status === 200) acknowledged.add(eventIdOf(body));
    else assert.ok(answer.status === 503 && answer.headers.has("retry-after"), `${answer.status}`);
    return answer.status;
  };
  return { acknowledged, send };
};

const becomes = (sender: Sender, status: number, withinMs: number): Promise<unknown> =>
  eventually(async () => (await sender.send()) === status, { withinMs });

/** Kills the bridge, and finds in the journal whatever it has acknowledged. */
const assertAllKept = async (bridge: BridgeProcess, sender: Sender, directory: string): Promise<void> => {
  await bridge.end("SIGKILL");
  const { journal } = await openOrFail({ files: realFiles, directory });
  const kept = new Set((await readAll(journal)).map(({ arrival }) => arrival.eventId));
  await journal[Symbol.asyncDispose]();
  const lost = [...sender.acknowledged].filter((id) => !kept.has(id));
  assert.deepEqual(lost, [], `${lost.length} of ${sender.acknowledged.size} acknowledged callbacks are gone`);
};

/** Null where this process may not mount anything. */
const mountSmallDisk = async (t: TestContext): Promise<string | null> => {
  const at = await mkdtemp(join(tmpdir(), "bridge-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", at], { stdio: "ignore" });
  } catch {
    await rm(at, { recursive: true });
    return null;
  }
  t.after(async () => {
    execFileSync("umount", ["-l", at]);
    await rm(at, { recursive: true });
  });
  return at;
};

const fillUp = async (path: string): Promise<void> => {
  const file = await open(path, "w");
  const block = Buffer.alloc(64 * 1024);
  try {
    for (;;) await file.write(block);
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error && error.code === "ENOSPC", String(error));
  } finally {
    await file.close();
  }
};

test("P1, P9: a full disk is answered 503; with room again it goes on by itself within 2 s, and nothing is lost", async (t) => {
  const disk = await mountSmallDisk(t);
  if (disk === null) {
    t.skip("this process may not mount a small disk: journal.test.ts fills a model disk instead");
    return;
  }
  const directory = join(disk, "journal");
  const bridge = await startBridgeProcess(await environment(directory));
  t.after(() => bridge.end("SIGKILL"));
  const sender = createSender(bridge.port);
  for (let round = 0; round < 3; round += 1) {
    await becomes(sender, 200, 2000);
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let i = 0; i < 40; i += 1) await sender.send();
      }),
    );
    await fillUp(join(disk, "filler"));
    await load;
    await becomes(sender, 503, 2000);
    await rm(join(disk, "filler"));
    await becomes(sender, 200, 2000);
  }
  assert.ok(sender.acknowledged.size > 20);
  await assertAllKept(bridge, sender, directory);
});

test("P9: a full journal is answered 503, is not ready, and all that was acknowledged is kept", async (t) => {
  const directory = await newDirectory(t);
  const env = { ...(await environment(directory)), JOURNAL_MAX_BYTES: "1 MiB" };
  const bridge = await startBridgeProcess(env);
  t.after(() => bridge.end("SIGKILL"));
  const sender = createSender(bridge.port);
  await eventually(async () => {
    const statuses = await Promise.all(Array.from({ length: 50 }, () => sender.send()));
    return statuses.includes(503);
  });
  assert.ok(sender.acknowledged.size > 200, `${sender.acknowledged.size} fit into 1 MiB`);
  const { status, body } = await bridge.ready();
  assert.equal(status, 503, "it cannot accept a callback safely now");
  assert.match(JSON.stringify(body), /the journal takes nothing: \d+ bytes are waiting/);
  await assertAllKept(bridge, sender, directory);
});

test("P1: while the journal's directory is elsewhere all is answered 503 and said; when it is back it goes on", async (t) => {
  const directory = join(await newDirectory(t), "journal");
  const bridge = await startBridgeProcess(await environment(directory));
  t.after(() => bridge.end("SIGKILL"));
  const sender = createSender(bridge.port);
  await becomes(sender, 200, 2000);
  await rename(directory, `${directory}.away`);
  await becomes(sender, 503, 2000);
  await eventually(() => bridge.lines.some(({ step, code }) => step === "write" && code === "ENOENT"));
  await rename(`${directory}.away`, directory);
  await becomes(sender, 200, 2000);
  await assertAllKept(bridge, sender, directory);
});

test("P8: a directory that cannot be made ends the start with its name and the reason", async (t) => {
  const file = join(await newDirectory(t), "file");
  await writeFile(file, "");
  const { code, lines, errors } = await runBridgeProcess(await environment(join(file, "journal")));
  assert.equal(code, 1);
  const said = [...lines.map((line) => JSON.stringify(line)), ...errors].join("\n");
  assert.match(said, /journal-unusable/);
  assert.match(said, /ENOTDIR|EEXIST/);
  assert.ok(said.includes(join(file, "journal")));
});

test("P1: a journal of a newer version ends the start with the version and what to do, and stays as it is", async (t) => {
  const directory = await newDirectory(t);
  const env = await environment(directory);
  const bridge = await startBridgeProcess(env);
  t.after(() => bridge.end("SIGKILL"));
  await becomes(createSender(bridge.port), 200, 2000);
  await bridge.end("SIGKILL");
  const name = (await readdir(directory)).find((one) => one.endsWith(".journal")) ?? "";
  const bytes = await readFile(join(directory, name));
  bytes.writeUInt16BE(99, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 32)), 32);
  await writeFile(join(directory, name), bytes);
  const { code, lines } = await runBridgeProcess(env);
  assert.equal(code, 1);
  assert.match(JSON.stringify(lines), /journal-version-unknown.*version 99.*newer version/);
  assert.deepEqual(await readFile(join(directory, name)), bytes);
});

test("P1, P5: an encrypted journal holds nothing readable, ends the start without its key in one line, and goes on with it", async (t) => {
  const directory = await newDirectory(t);
  const plain = await environment(directory);
  const env = { ...plain, JOURNAL_KEY: keyLine("first") };
  const bridge = await startBridgeProcess(env);
  t.after(() => bridge.end("SIGKILL"));
  const sender = createSender(bridge.port);
  await becomes(sender, 200, 2000);
  await bridge.end("SIGKILL");
  for (const name of await readdir(directory)) {
    const text = await readFile(join(directory, name), "latin1");
    assert.ok(!text.includes("ENVELOPE_") && !text.includes("envelopeId"), name);
  }
  const refused = await runBridgeProcess(plain);
  assert.equal(refused.code, 1);
  const fatal = refused.lines.filter(({ level }) => level === 60);
  assert.equal(fatal.length, 1, JSON.stringify(refused.lines));
  assert.match(JSON.stringify(fatal), new RegExp(`journal-key-missing.*${oneKey[0]?.id}`));
  assert.deepEqual(refused.errors, []);
  const rotated = { ...plain, JOURNAL_KEY: `${keyLine("second")},${keyLine("first")}` };
  const next = await startBridgeProcess(rotated);
  t.after(() => next.end("SIGKILL"));
  const keySaid = JSON.stringify(next.lines);
  assert.match(keySaid, /"key":"second"/);
  assert.ok(!keySaid.includes(keyLine("second").slice(8)));
  await next.end("SIGKILL");
  const keys = keysOf(keyLine("second"), keyLine("first"));
  const { journal } = await openOrFail({ directory, files: realFiles, keys });
  const kept = new Set((await readAll(journal)).map(({ arrival }) => arrival.eventId));
  await journal[Symbol.asyncDispose]();
  assert.deepEqual(kept, sender.acknowledged);
});
