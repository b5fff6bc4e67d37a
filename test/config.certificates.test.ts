import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Environment } from "../src/config.ts";
import { openAuthority } from "./support/authority.ts";
import { newDirectory } from "./support/directories.ts";
import { problemsOf } from "./support/settings.ts";

const least = {
  AUTH: "none",
  KAFKA_BROKERS: "kafka:9092",
  SCHEMA_REGISTRY_URL: "http://registry:8081",
};

test("P8: certificates and keys that TLS would stumble over end the start, each with its name", async (t) => {
  await using authority = await openAuthority("config-test");
  const folder = await newDirectory(t);
  const { certFile, keyFile } = await authority.issue("bridge");
  const other = await authority.issue("other");
  const tls = { ...least, KAFKA_TLS: "true", KAFKA_TLS_CERT_FILE: certFile, KAFKA_TLS_KEY_FILE: keyFile };
  assert.deepEqual(problemsOf(tls), []);
  const said = (env: Environment): string => {
    const problems = problemsOf({ ...tls, ...env });
    assert.equal(problems.length, 1, problems.join("\n"));
    return problems[0] ?? "";
  };
  const torn = join(folder, "torn.pem");
  await writeFile(torn, "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n");
  assert.match(said({ KAFKA_TLS_CA_FILE: torn }), /^KAFKA_TLS_CA_FILE holds no certificate that can be read/);
  assert.match(said({ KAFKA_TLS_CERT_FILE: keyFile }), /^KAFKA_TLS_CERT_FILE holds no certificate/);
  const cut = join(folder, "cut.pem");
  const pem = await readFile(certFile, "utf8");
  await writeFile(cut, pem + pem.slice(0, 200));
  assert.match(said({ KAFKA_TLS_CA_FILE: cut }), /^KAFKA_TLS_CA_FILE holds no certificate that can be read/);
  await writeFile(cut, pem + pem);
  assert.deepEqual(problemsOf({ ...tls, KAFKA_TLS_CA_FILE: cut }), []);
  const registry = { SCHEMA_REGISTRY_URL: "https://r", SCHEMA_REGISTRY_CA_FILE: torn };
  assert.match(said(registry), /^SCHEMA_REGISTRY_CA_FILE holds no certificate/);
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
  });
  const locked = join(folder, "locked.pem");
  await writeFile(locked, privateKey);
  assert.match(
    said({ KAFKA_TLS_KEY_FILE: locked }),
    /^KAFKA_TLS_KEY_FILE holds no private key that opens without/,
  );
  assert.match(
    said({ KAFKA_TLS_KEY_FILE: other.keyFile }),
    /^KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE do not fit/,
  );
  assert.match(said({ KAFKA_TLS: "false" }), /^KAFKA_TLS is not true/);
  assert.match(said({ KAFKA_TLS_KEY_FILE: "" }), /belong together/);
});
