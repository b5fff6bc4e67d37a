import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { after, before, test, type TestContext } from "node:test";
import type { LocalRegistry } from "../../local/registry.ts";
import { createRegistry, type RegistrySettings } from "../../src/io/registry.ts";
import { type Authority, type Certificate, openAuthority } from "../support/authority.ts";
import { registryPassword, startSecureRegistry } from "../support/secureRegistry.ts";
import { freshPrefix } from "../support/stack.ts";
import { listen } from "../support/listen.ts";

const parts = new AsyncDisposableStack();
let ours: Authority;
let others: Authority;
let real: LocalRegistry;
before(async () => {
  ours = parts.use(await openAuthority("ours"));
  others = parts.use(await openAuthority("others"));
  real = parts.use(await startSecureRegistry(ours));
});
after(() => parts.disposeAsync());

const textOf = (file: string): string => readFileSync(file, "utf8");
const schema = JSON.stringify({ type: "record", name: "Trial", fields: [{ name: "a", type: "string" }] });
const basic = (username: string, password = registryPassword) =>
  ({ kind: "basic", username, password }) as const;

const ask = async (
  t: TestContext,
  settings: Partial<RegistrySettings> & { readonly url: string },
  subject = `${freshPrefix()}trial-value`,
) => {
  const whole = { auth: null, ca: textOf(ours.caFile), mode: "register", ...settings } as const;
  const registry = createRegistry(whole);
  t.after(() => registry[Symbol.asyncDispose]());
  const result = (await registry.schemaIds(new Map([[subject, schema]]))).get(subject);
  assert.ok(result);
  return result;
};

const refusal = async (...asked: Parameters<typeof ask>): Promise<readonly [string, string]> => {
  const result = await ask(...asked);
  assert.ok(!result.ok);
  assert.ok(!result.detail.includes("\n") && !result.detail.includes(registryPassword), result.detail);
  asked[0].diagnostic(result.detail);
  return [result.code, result.detail];
};

test("a real registry over TLS with an authority of its own takes a name and a password", async (t) => {
  const subject = `${freshPrefix()}trial-value`;
  const registered = await ask(t, { url: real.url, auth: basic("bridge") }, subject);
  assert.ok(registered.ok, JSON.stringify(registered));
  const found = await ask(t, { url: real.url, auth: basic("reader"), mode: "lookup" }, subject);
  assert.deepEqual(found, registered, "and a name that may only read finds what is there");
});

type Fault = {
  readonly settings: () => Partial<RegistrySettings>;
  readonly code: string;
  readonly says: RegExp;
};
const faults: Readonly<Record<string, Fault>> = {
  "a wrong password": {
    settings: () => ({ auth: basic("bridge", "wrong") }),
    code: "registry-refused",
    says: /answered 401: .*Check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD/,
  },
  "no password at all": {
    settings: () => ({}),
    code: "registry-refused",
    says: /answered 401: .*Check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD/,
  },
  "a user that may only read": {
    settings: () => ({ auth: basic("reader") }),
    code: "registry-refused",
    says: /answered 403: .*or set SCHEMAS=lookup/,
  },
  "the authority of another": {
    settings: () => ({ ca: textOf(others.caFile) }),
    code: "tls-failed",
    says: /SCHEMA_REGISTRY_CA_FILE must hold the certificate of the authority/,
  },
  "no authority": {
    settings: () => ({ ca: null }),
    code: "tls-failed",
    says: /SCHEMA_REGISTRY_CA_FILE must hold the certificate of the authority/,
  },
  "http at the port of https": {
    settings: () => ({ url: real.url.replace("https:", "http:") }),
    code: "registry-unavailable",
    says: /SCHEMA_REGISTRY_URL/,
  },
};
for (const [name, { settings, code, says }] of Object.entries(faults))
  test(`a real registry and ${name}: one line names the setting`, async (t) => {
    const [found, detail] = await refusal(t, { url: real.url, ...settings() });
    assert.equal(found, code, detail);
    assert.match(detail, says);
  });

const options = ({ certFile, keyFile }: Certificate) => ({ cert: textOf(certFile), key: textOf(keyFile) });

test("a bearer token goes over TLS, and a wrong one is refused without being shown", async (t) => {
  const server = createTlsServer(options(await ours.issue("bearer")), (request, response) => {
    const admitted = request.headers.authorization === "Bearer good-token";
    response.writeHead(admitted ? 200 : 401).end(admitted ? '{"id":7}' : request.headers.authorization);
  });
  const url = `https://${await listen(t, server)}`;
  const admitted = await ask(t, { url, auth: { kind: "bearer", token: "good-token" } });
  assert.deepEqual(admitted, { ok: true, value: 7 });
  const [code, detail] = await refusal(t, { url, auth: { kind: "bearer", token: "bad-token" } });
  assert.equal(code, "registry-refused");
  assert.match(detail, /401: Bearer \*\*\*\. .*or SCHEMA_REGISTRY_TOKEN$/);
});

type Host = {
  readonly flaw: "none" | "expired" | "elsewhere";
  readonly requestCert: boolean;
  readonly says: RegExp;
};
const hosts: Readonly<Record<string, Host>> = {
  "a certificate that has expired": {
    flaw: "expired",
    requestCert: false,
    says: /certificate has expired\. Renew it.*SCHEMA_REGISTRY_CA_FILE/,
  },
  "the certificate of another host": {
    flaw: "elsewhere",
    requestCert: false,
    says: /altnames.*\. Use a name in SCHEMA_REGISTRY_URL that the certificate holds$/,
  },
  "a certificate, and wants one of the bridge": {
    flaw: "none",
    requestCert: true,
    says: /wants a client certificate/,
  },
};
for (const [name, { flaw, requestCert, says }] of Object.entries(hosts))
  test(`a registry that shows ${name} is told with its own advice`, async (t) => {
    const certificate = options(await ours.issue("registry", flaw));
    const server = createTlsServer({ ...certificate, requestCert, ca: textOf(ours.caFile) });
    const [code, detail] = await refusal(t, { url: `https://${await listen(t, server)}` });
    assert.equal(code, "tls-failed", detail);
    assert.match(detail, says);
  });

test("https at a port of http is told", async (t) => {
  const [code, detail] = await refusal(t, { url: `https://${await listen(t, createServer())}` });
  assert.equal(code, "tls-failed");
  assert.match(detail, /begin SCHEMA_REGISTRY_URL with http:/);
});
