import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connect } from "node:tls";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { postBy } from "../support/load.ts";
import { openBridgeProcess } from "../support/openBridge.ts";
import { type BridgeProcess, runBridgeProcess, textOf } from "../support/process.ts";
import { post, signed } from "../support/sender.ts";

// No server behind: a disk journal answers without Kafka.
const nowhere = { KAFKA_BROKERS: "127.0.0.1:9", SCHEMA_REGISTRY_URL: "http://127.0.0.1:9" };
const body = Buffer.from("{}");
const [oldKey, newKey, otherKey] = ["old", "new", "other"].map(
  (name) => `${name}-key-of-32-characters-or-so`,
);

const folderFor = async (t: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "secrets-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
};
const settingsIn = (folder: string) => ({
  ...nowhere,
  ACK_AFTER: "stored",
  JOURNAL_DIR: join(folder, "journal"),
});
const statusBy = async (bridge: BridgeProcess, key = ""): Promise<number> =>
  (await post(bridge.port, body, signed(body, key))).status;
const told = (bridge: BridgeProcess, level: number, words: string) =>
  bridge.lines.filter((line) => line["level"] === level && String(line["msg"]).includes(words));

test("P5: on SIGHUP new keys are taken and old ones refused; a bad file keeps the old ones and is told", async (t) => {
  const folder = await folderFor(t);
  const file = join(folder, "keys");
  await writeFile(file, `main:${oldKey}\n`);
  const env = { ...settingsIn(folder), AUTH: "hmac", HMAC_KEYS_FILE: file };
  const bridge = await openBridgeProcess(t, env);
  assert.equal(await statusBy(bridge, oldKey), 200);
  assert.equal(await statusBy(bridge, newKey), 401);

  await writeFile(file, `main:${newKey}\n`);
  bridge.signal("SIGHUP");
  await eventually(() => told(bridge, 30, "secrets renewed").length === 1);
  assert.equal(await statusBy(bridge, newKey), 200);
  assert.equal(await statusBy(bridge, oldKey), 401);

  await writeFile(file, `no-name-${otherKey}`);
  bridge.signal("SIGHUP");
  await eventually(() => told(bridge, 50, "changed files are unusable").length === 1);
  assert.match(textOf(bridge), /HMAC_KEYS is wrong in entry 1/);
  assert.equal(await statusBy(bridge, newKey), 200);
  assert.equal((await bridge.metrics()).sum("secrets_stale"), 1);

  await writeFile(file, `a:${newKey},b:${otherKey}`);
  bridge.signal("SIGHUP");
  await eventually(async () => (await bridge.metrics()).sum("secrets_stale") === 0);
  assert.equal(await statusBy(bridge, newKey), 200);
  assert.equal(await statusBy(bridge, otherKey), 200);
  assert.equal(told(bridge, 50, "changed files").length, 1);
  for (const key of [oldKey, newKey, otherKey]) assert.ok(!textOf(bridge).includes(String(key)));
  assert.equal(await bridge.end("SIGTERM"), 0, textOf(bridge));
});

test("P5: a changed file is found without a signal, also behind the links that Kubernetes swaps", async (t) => {
  const folder = await folderFor(t);
  const version = async (name: string, text: string): Promise<void> => {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "tokens"), text);
    await symlink(name, join(folder, "..next"));
    await rename(join(folder, "..next"), join(folder, "..data"));
  };
  await version("..1", `hook:${oldKey}`);
  await symlink(join("..data", "tokens"), join(folder, "tokens"));
  const env = { ...settingsIn(folder), AUTH: "token", TOKENS_FILE: join(folder, "tokens") };
  const bridge = await openBridgeProcess(t, env);
  const by = async (token = "") =>
    (await post(bridge.port, body, { authorization: `Bearer ${token}` })).status;
  assert.equal(await by(oldKey), 200);
  // One kind of trouble is told once, however often it is looked at.
  await version("..2", "");
  await eventually(() => told(bridge, 50, "changed files are unusable").length === 1, { withinMs: 20_000 });
  assert.equal(await by(oldKey), 200);
  await version("..3", `hook:${newKey}`);
  await eventually(async () => assert.equal(await by(newKey), 200), { withinMs: 20_000 });
  assert.equal(await by(oldKey), 401);
  assert.equal(told(bridge, 50, "changed files are unusable").length, 1, textOf(bridge));
});

const postSecurely = (agent: Agent, port: number): Promise<number> => postBy({ request, agent, port }, body);

/** The name in the certificate that a new connection is shown. */
const shownTo = (ca: string, port: number): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ ca, port, host: "127.0.0.1" }, () => {
    resolve(String(socket.getPeerCertificate().subject.CN));
    socket.end();
  });
  socket.once("error", reject);
  return promise;
};

test("P1: certificates are renewed from their files while a connection goes on; a bad pair keeps the old one", async (t) => {
  const folder = await folderFor(t);
  const authority = await createAuthority(t, "bridge");
  const [first, second] = [await authority.issue("first"), await authority.issue("second")];
  const files = { TLS_CERT_FILE: join(folder, "cert.pem"), TLS_KEY_FILE: join(folder, "key.pem") };
  await writeFile(files.TLS_CERT_FILE, first.cert);
  await writeFile(files.TLS_KEY_FILE, first.key);
  const hmac = { AUTH: "hmac", HMAC_KEYS: "main:a-secret-of-more-than-sixteen-bytes" };
  const bridge = await openBridgeProcess(t, { ...settingsIn(folder), ...hmac, ...files });
  const agent = new Agent({ ca: authority.ca, keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal(await postSecurely(agent, bridge.port), 200);

  await writeFile(files.TLS_CERT_FILE, second.cert);
  bridge.signal("SIGHUP");
  await eventually(() => told(bridge, 50, "changed files are unusable").length > 0);
  assert.match(textOf(bridge), /TLS_CERT_FILE and TLS_KEY_FILE do not fit/);
  assert.equal(await shownTo(authority.ca, bridge.port), "first");

  await writeFile(files.TLS_KEY_FILE, second.key);
  await eventually(async () => assert.equal(await shownTo(authority.ca, bridge.port), "second"), {
    withinMs: 20_000,
  });
  assert.equal(await postSecurely(agent, bridge.port), 200);
  assert.equal((await bridge.metrics()).sum("callbacks_acknowledged_total"), 2);
  assert.equal((await bridge.metrics()).sum("connections_open"), 1, "the first connection has gone on");
  assert.ok(!textOf(bridge).includes(second.key.split("\n")[1] ?? ""));
});

test("SIGHUP without a file changes nothing and ends nothing", async (t) => {
  const folder = await folderFor(t);
  const bridge = await openBridgeProcess(t, { ...settingsIn(folder), AUTH: "none" });
  bridge.signal("SIGHUP");
  await eventually(() => told(bridge, 30, "none has changed").length === 1);
  assert.equal(await statusBy(bridge, "whatever"), 200);
});

test("certificates that do not fit end the start with one line", async (t) => {
  const folder = await folderFor(t);
  const authority = await createAuthority(t, "bridge");
  const files = { TLS_CERT_FILE: join(folder, "cert.pem"), TLS_KEY_FILE: join(folder, "key.pem") };
  await writeFile(files.TLS_CERT_FILE, (await authority.issue("first")).cert);
  await writeFile(files.TLS_KEY_FILE, (await authority.issue("second")).key);
  const ended = await runBridgeProcess({ ...settingsIn(folder), AUTH: "none", ...files });
  assert.equal(ended.code, 1);
  assert.match(textOf(ended), /TLS_CERT_FILE and TLS_KEY_FILE do not fit/);
});
