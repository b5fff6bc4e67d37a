import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { test, type TestContext } from "node:test";
import { createRegistry, type RegistryFailure, type RegistrySettings } from "../../src/io/registry.ts";
import { freshPrefix } from "../support/stack.ts";
import { listen } from "../support/listen.ts";

const schemaOf = (...fields: string[]): string =>
  JSON.stringify({
    type: "record",
    name: "Trial",
    fields: fields.map((name) => ({ name, type: "string" })),
  });
const subject = "esign.envelope.started-value";
const one = new Map([[subject, schemaOf("a")]]);

const registryAt = (t: TestContext, settings: Partial<RegistrySettings> & { url: string }) => {
  const registry = createRegistry({ auth: null, ca: null, mode: "register", deadlineMs: 3000, ...settings });
  t.after(() => registry[Symbol.asyncDispose]());
  return registry;
};
type Settings = Partial<Omit<RegistrySettings, "url">>;
/** Asks a registry made by hand for one subject. */
const askAt = async (t: TestContext, answer: RequestListener, settings: Settings = {}) => {
  const url = `http://${await listen(t, createServer(answer))}/base`;
  const result = (await registryAt(t, { url, ...settings }).schemaIds(one)).get(subject);
  assert.ok(result);
  return result;
};
const says =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
const error = (status: number, code: number, message: string): RequestListener =>
  says(status, JSON.stringify({ error_code: code, message }));

const lookup = { mode: "lookup" } as const;
const hurried = { deadlineMs: 150 };
const halfAnswer: RequestListener = (request, response) => {
  response.writeHead(200, { "content-length": "99" });
  response.write('{"id":', () => request.socket.destroy());
};
const reset: RequestListener = (request) => void request.socket.resetAndDestroy();
const redirect = says(302, "", { location: "http://127.0.0.1:1/" });

type Fault = readonly [name: string, answer: RequestListener, detail: RegExp, settings?: Settings];
const faults: Readonly<Record<Exclude<RegistryFailure, "tls-failed">, readonly Fault[]>> = {
  "registry-unavailable": [
    ["hung", () => undefined, /does not answer: nothing within 150 ms$/, hurried],
    ["closed in mid-body", halfAnswer, /nothing within 150 ms$/, hurried],
    ["reset connection", reset, /does not answer: .*ECONNRESET/],
    ["500", error(500, 50001, "store down"), /500: store down/],
    ["503 as a page", says(503, "<h1>no\n upstream</h1>"), /no upstream/],
    ["empty 500", says(500, ""), /answered 500: nothing/],
    ["429", error(429, 42901, "slow down"), /429: slow down/],
    ["a real 400", error(400, 40001, "odd request"), /400: odd request/],
    ["garbage", says(200, "<html>hi</html>"), /<html>.*URL looks wrong/],
    ["null in a 200", says(200, "null"), /answered 200: null/],
    ["null in a 500", says(500, "null"), /answered 500: null/],
    ["null in a 404", says(404, "null"), /URL looks wrong/, lookup],
    ["redirect", redirect, /answered 302.*after redirection/],
    ["no id", says(200, "{}"), /answered 200: \{\}/],
    ["id 0", says(200, '{"id":0}'), /"id":0/],
    ["id of 33 bits", says(200, '{"id":4294967296}'), /4294967296/],
    ["id as text", says(200, '{"id":"7"}'), /"7"/],
    ["404 as a page", says(404, "<html>"), /URL looks wrong/, lookup],
    ["404 of another API", says(404, '{"message":"No route"}'), /No route.*URL looks wrong/, lookup],
    ["404 at registering", error(404, 404, "no"), /URL looks wrong/],
  ],
  "registry-refused": [
    ["401", says(401, ""), /SCHEMA_REGISTRY_USERNAME/],
    ["403", error(403, 40301, "Denied"), /Denied.*SCHEMAS=lookup/],
  ],
  "schema-incompatible": [["409", error(409, 409, "READER_MISSING"), /READER_MISSING\..*TOPIC_PREFIX/]],
  "schema-invalid": [["422", error(422, 42201, "Invalid Avro"), /Invalid Avro/]],
  "subject-unknown": [["404 at look-up", error(404, 40403, "not found"), /not found\..*=register/, lookup]],
};
for (const [code, rows] of Object.entries(faults))
  for (const [name, answer, detail, settings] of rows)
    test(`fault: ${name} is ${code}`, async (t) => {
      const result = await askAt(t, answer, settings);
      assert.ok(!result.ok);
      assert.equal(result.code, code, result.detail);
      assert.match(result.detail, detail);
      assert.ok(result.detail.startsWith(`${subject}: http://127.0.0.1:`) && !result.detail.includes("\n"));
    });

test("nothing listens: one try, at once", async (t) => {
  const server = createServer();
  const gone = await listen(t, server);
  await new Promise((resolve) => server.close(resolve));
  const result = (await registryAt(t, { url: `http://${gone}` }).schemaIds(one)).get(subject);
  assert.ok(result !== undefined && !result.ok);
  assert.equal(result.code, "registry-unavailable");
  assert.match(result.detail, /does not answer: connect ECONNREFUSED/);
});

test("one POST per subject, all at the same time, and no level is read or set", async (t) => {
  const seen: string[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    waiting.push(() => response.end(JSON.stringify({ id: Number(request.url?.match(/\d+/)?.[0]) })));
    if (waiting.length === 12) for (const go of waiting) go();
  });
  const url = `http://${await listen(t, server)}`;
  const schemas = new Map(Array.from({ length: 12 }, (_, index) => [`s-${index + 1}`, schemaOf("a")]));
  const ids = await registryAt(t, { url }).schemaIds(schemas);
  assert.deepEqual(
    [...ids],
    [...schemas.keys()].map((name, index) => [name, { ok: true, value: index + 1 }]),
  );
  assert.deepEqual(
    seen.toSorted(),
    [...schemas.keys()].map((name) => `POST /subjects/${name}/versions`).toSorted(),
  );
});

test("credentials are sent, and never repeated", async (t) => {
  const headers: unknown[] = [];
  const echo = (request: IncomingMessage, response: Parameters<RequestListener>[1]) => {
    headers.push(request.headers.authorization);
    response.writeHead(407).end(`you sent ${request.headers.authorization} (s3cret, t0ken)`);
  };
  const basic = await askAt(t, echo, { auth: { kind: "basic", username: "u", password: "s3cret" } });
  const bearer = await askAt(t, echo, { auth: { kind: "bearer", token: "t0ken" } });
  assert.deepEqual(headers, [`Basic ${Buffer.from("u:s3cret").toString("base64")}`, "Bearer t0ken"]);
  assert.match(basic.ok ? "" : basic.detail, /407: you sent Basic \*\*\* \(\*\*\*, t0ken\)/);
  assert.match(bearer.ok ? "" : bearer.detail, /407: you sent Bearer \*\*\* \(s3cret, \*\*\*\)/);
});

test("a schema that is none is refused without asking", async (t) => {
  const registry = registryAt(t, { url: "http://127.0.0.1:1" });
  const result = (await registry.schemaIds(new Map([[subject, '{"type":"reco']]))).get(subject);
  assert.ok(result !== undefined && !result.ok);
  assert.equal(result.code, "schema-invalid", result.detail);
});

const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
test("closing ends what is under way, leaves no timer, and later calls fail", async (t) => {
  const before = timers();
  const asked = Promise.withResolvers<void>();
  const url = `http://${await listen(
    t,
    createServer(() => asked.resolve()),
  )}`;
  const registry = registryAt(t, { url, deadlineMs: 600_000 });
  const answer = registry.schemaIds(one);
  await asked.promise;
  await registry[Symbol.asyncDispose]();
  const [, result] = [...(await answer)][0] ?? [];
  assert.match(result?.ok === false ? result.detail : "", /the client is closed/);
  assert.equal(timers(), before);
  const later = (await registry.schemaIds(one)).get(subject);
  assert.equal(later?.ok === false && later.code, "registry-unavailable");
});

const pem = (kind: string, base64: string): string =>
  `-----BEGIN ${kind}-----\n${base64.replaceAll(/.{64}/g, "$&\n")}\n-----END ${kind}-----\n`;
/** Made for this test, valid until 2120 for 127.0.0.1, and used nowhere else. */
const key = pem(
  "PRIVATE KEY",
  "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8Mt0AOrQsx5yoTmwlHO82GvJLubAMuOWssmHWzD2aTmhRANCAARw8+s1EzgtY8FG3XGeE0oimFCGrvfIACiqTbsYPY8Vo2TfCitVpRFB5aMLtqa0qhNqRHnmI4phBSu/BfS1if5f",
);
const cert = pem(
  "CERTIFICATE",
  "MIIBUjCB+KADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMA8xDTALBgNVBAMMBHRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARw8+s1EzgtY8FG3XGeE0oimFCGrvfIACiqTbsYPY8Vo2TfCitVpRFB5aMLtqa0qhNqRHnmI4phBSu/BfS1if5fo0MwQTAPBgNVHRMBAf8EBTADAQH/MA8GA1UdEQQIMAaHBH8AAAEwHQYDVR0OBBYEFAYdZc++cfcZJnPOQUwUhDS8Se9vMAoGCCqGSM49BAMCA0kAMEYCIQDPc7zH+NZjIwfMmSdABeQ5ui0VLHheg1nkS8VedruASQIhAIXfC/u2RJTdIDK3KoXbgcMMObutpIZLV5emydwhs7r3",
);

test("an authority of one's own is trusted when it is named", async (t) => {
  const url = `https://${await listen(t, createTlsServer({ key, cert }, says(200, '{"id":7}')))}`;
  const trusted = await registryAt(t, { url, ca: cert }).schemaIds(one);
  assert.deepEqual(trusted.get(subject), { ok: true, value: 7 });
  const result = (await registryAt(t, { url }).schemaIds(one)).get(subject);
  assert.match(
    result?.ok === false ? result.detail : "",
    /does not answer: self-signed certificate\. SCHEMA_REGISTRY_CA_FILE must/,
  );
});

const realUrl = process.env["TEST_SCHEMA_REGISTRY_URL"] ?? "";
const real = { skip: realUrl === "" && "TEST_SCHEMA_REGISTRY_URL is not set: run npm test" };
const freshSubject = (): string => `${freshPrefix()}trial-value`;
const call = async (method: string, path: string, body?: object): Promise<unknown> => {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const headers = { "content-type": "application/vnd.schemaregistry.v1+json" };
  return (await fetch(`${realUrl}${path}`, { ...init, headers })).json();
};
const askReal = async (t: TestContext, [name, schema]: readonly [string, string], settings: Settings = {}) =>
  (await registryAt(t, { url: realUrl, ...settings }).schemaIds(new Map([[name, schema]]))).get(name);

test("a real registry: the same schema twice has one id, and a look-up finds it", real, async (t) => {
  const name = freshSubject();
  const first = await askReal(t, [name, schemaOf("a")]);
  assert.ok(first?.ok);
  assert.deepEqual(await askReal(t, [name, schemaOf("a")]), first);
  assert.deepEqual(await askReal(t, [name, schemaOf("a")], lookup), first);
});

test("a real registry: an incompatible schema is refused in the registry's words", real, async (t) => {
  const name = freshSubject();
  await askReal(t, [name, schemaOf("a")]);
  const result = await askReal(t, [name, schemaOf("b")]);
  assert.equal(result?.ok === false && result.code, "schema-incompatible");
  assert.match(
    result?.ok === false ? result.detail : "",
    /Incompatible artifact.*b at \/fields\/0.*TOPIC_PREFIX/,
  );
});

test("a real registry: a look-up never writes", real, async (t) => {
  const name = freshSubject();
  const unknown = await askReal(t, [name, schemaOf("a")], lookup);
  assert.equal(unknown?.ok === false && unknown.code, "subject-unknown");
  await askReal(t, [name, schemaOf("a")]);
  const other = await askReal(t, [name, schemaOf("b")], lookup);
  assert.equal(other?.ok === false && other.code, "subject-unknown");
  assert.deepEqual(await call("GET", `/subjects/${name}/versions`), [1]);
});

for (const compatibility of ["NONE", "FULL", "FORWARD_TRANSITIVE"])
  test(`a real registry: a subject of level ${compatibility} is taken and keeps it`, real, async (t) => {
    const name = freshSubject();
    await askReal(t, [name, schemaOf("a")]);
    await call("PUT", `/config/${name}`, { compatibility });
    const next = await askReal(t, [name, schemaOf("b")]);
    assert.equal(next?.ok, compatibility === "NONE");
    assert.deepEqual(await call("GET", `/config/${name}`), { compatibilityLevel: compatibility });
  });

test("a real registry: an address without its path is named as wrong", real, async (t) => {
  const url = new URL(realUrl).origin;
  const result = (await registryAt(t, { url }).schemaIds(one)).get(subject);
  assert.match(result?.ok === false ? result.detail : "", /404: .*SCHEMA_REGISTRY_URL looks wrong/);
});
