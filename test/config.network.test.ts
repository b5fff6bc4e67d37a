import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Environment, loadConfig, settingFiles } from "../src/config.ts";
import { createAuthority } from "./support/certificates.ts";
import { imageEnv } from "./support/containerFiles.ts";
import { newDirectory } from "./support/directories.ts";

const least = { AUTH: "none", KAFKA_BROKERS: "kafka:9092", SCHEMA_REGISTRY_URL: "http://registry:8081" };
const problemsOf = (env: Environment): readonly string[] => {
  const loaded = loadConfig({ ...least, ...env });
  return loaded.ok ? [] : loaded.problems;
};
const loadedFrom = (env: Environment) => {
  const loaded = loadConfig({ ...least, ...env });
  assert.ok(loaded.ok, loaded.ok ? "" : loaded.problems.join("\n"));
  return loaded.config;
};

test("without a word on the network anyone may call, plainly, under limits, and admin is for this machine", () => {
  const { network, adminHost } = loadedFrom({});
  assert.deepEqual(network, {
    tls: null,
    allowIps: [],
    trustProxy: [],
    maxBytesInFlight: 256 * 2 ** 20,
    maxConnections: 10_000,
    maxConnectionsPerAddress: 1000,
    idleTimeoutMs: 72_000,
    rateLimit: 0,
  });
  assert.equal(adminHost, "127.0.0.1");
  assert.equal(loadedFrom(imageEnv).adminHost, "0.0.0.0", "in the image probes come from outside");
});

test("lists of addresses are written out with their prefixes", () => {
  const { network } = loadedFrom({ ALLOW_IPS: "192.0.2.1, 2001:db8::/32", TRUST_PROXY: "10.0.0.0/8" });
  assert.deepEqual(network.allowIps, ["192.0.2.1/32", "2001:db8::/32"]);
  assert.deepEqual(network.trustProxy, ["10.0.0.0/8"]);
});

const faults: readonly (readonly [Environment, RegExp])[] = [
  [{ ALLOW_IPS: "192.0.2.1,localhost" }, /^ALLOW_IPS .*is wrong in entry 2: IPv4 and IPv6/],
  [{ TRUST_PROXY: "10.0.0.0/33" }, /^TRUST_PROXY .*is wrong in entry 1/],
  [{ MAX_CONNECTIONS: "0" }, /^MAX_CONNECTIONS .*from 1 to/],
  [{ RATE_LIMIT: "-1" }, /^RATE_LIMIT .*from 0 to/],
  [{ MAX_BYTES_IN_FLIGHT: "512 KiB" }, /^MAX_BYTES_IN_FLIGHT is less than BODY_LIMIT_BYTES/],
  [{ BODY_LIMIT_BYTES: "1 GiB" }, /^MAX_BYTES_IN_FLIGHT is less than BODY_LIMIT_BYTES/],
  [{ MAX_BYTES_IN_FLIGHT: "2 MiB", WORKERS: "4" }, /^MAX_BYTES_IN_FLIGHT is divided among WORKERS/],
  [{ WORKERS: "0" }, /^WORKERS .*from 1 to 64/],
  [{ PORT: "8081" }, /^ADMIN_PORT is the same as PORT/],
  [{ PORT: "8081", HOST: "127.0.0.1" }, /^ADMIN_PORT is the same as PORT/],
];
for (const [env, expected] of faults)
  test(`fault: ${JSON.stringify(env)}`, () => {
    const problems = problemsOf(env);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", expected);
  });

test("two addresses may have the same port", () => {
  assert.deepEqual(problemsOf({ HOST: "192.0.2.1", PORT: "8081" }), []);
});

test("certificates come in pairs, and an authority of callers needs them", async (t) => {
  const folder = await newDirectory(t);
  const { ca, issue } = await createAuthority(t, "bridge");
  const { cert, key } = await issue("bridge");
  const at = (name: string): string => join(folder, name);
  for (const [name, text] of Object.entries({ ca, cert, key })) await writeFile(at(name), text);
  const pair = { TLS_CERT_FILE: at("cert"), TLS_KEY_FILE: at("key") };
  const env = { ...pair, TLS_CLIENT_CA_FILE: at("ca") };
  // An end of line at the end of a file is none of the text.
  const trimmed = { cert: cert.trimEnd(), key: key.trimEnd(), clientCa: ca.trimEnd() };
  assert.deepEqual(loadedFrom(env).network.tls, trimmed);
  assert.equal(loadedFrom(pair).network.tls?.clientCa, null);
  assert.match(problemsOf({ TLS_CERT_FILE: at("cert") }).join("|"), /^TLS_CERT_FILE and TLS_KEY_FILE belong/);
  assert.match(problemsOf({ TLS_CLIENT_CA_FILE: at("ca") }).join("|"), /^TLS_CLIENT_CA_FILE has no meaning/);
  assert.match(problemsOf({ ...pair, TLS_KEY_FILE: at("cert") }).join(), /TLS_KEY_FILE holds no private key/);
  assert.match(problemsOf({ ...env, TLS_CLIENT_CA_FILE: at("key") }).join(), /TLS_CLIENT_CA_FILE holds no/);
  const secret = { TOKENS_FILE: at("tokens"), TOKENS: "" };
  assert.deepEqual(settingFiles({ ...env, ...secret }).toSorted(), ["ca", "cert", "key", "tokens"].map(at));
});
