import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig, secretNames } from "../../src/config.ts";
import {
  canaryBodies,
  canaryLetters,
  canaryOf,
  codeCanary,
  leaks,
  secretSettings,
  secretText,
  settingCanaries,
} from "../support/canary.ts";
import {
  adminPages,
  all,
  assertTraced,
  headersFor,
  healthy,
  inOutage,
  openEcho,
  post,
  settings,
  token,
} from "../support/canaryBridge.ts";
import { newDirectory } from "../support/directories.ts";
import { eventually } from "../support/eventually.ts";
import { exchangeRaw, requestOf } from "../support/ingress.ts";
import { openBridgeProcess, sharedSettings, untilReady } from "../support/openBridge.ts";
import { runBridgeProcess, textOf } from "../support/process.ts";
import { recordsIn, topicsUnder } from "../support/records.ts";

test("P5: a canary is found in every form, and every secret setting has its own in some bridge of this test", () => {
  const header = Buffer.from(`user:${token}`).toString("base64");
  assert.equal(leaks({ plain: `x ${token} y`, header, none: "x" }, [token]).length, 2);
  assert.deepEqual(
    healthy.filter((name) => inOutage.includes(name)),
    [],
  );
});

test("P5: whatever is wrong with a secret setting, what is said of it does not show it", async (t) => {
  const directory = await newDirectory(t);
  const file = join(directory, "secret");
  const texts: Record<string, string> = {};
  for (const name of secretNames) {
    const secret = canaryOf(name);
    await writeFile(file, `${secretText(name)}\n`);
    const wrong: readonly Record<string, string>[] = [
      { [name]: secret },
      { [name]: `${secret}:` },
      { [name]: `${secretText(name)},${secretText(name)}` },
      { [name]: `${secretText(name)},,${secret}\0` },
      { [name]: `${secretText(name)} \u00fc\u0000` },
      { [name]: secretText(name), [`${name}_FILE`]: file },
      { [`${name}_FILE`]: join(directory, "none") },
      { [`${name}_FILE`]: file },
      { [`${name}_FLIE`]: secret, [`KAFKA_${secret.toUpperCase()}`]: "x" },
    ];
    for (const [i, env] of wrong.entries()) {
      const loaded = loadConfig({ AUTH: "hmac,token", KAFKA_BROKERS: "x:1", ...env });
      texts[`${name} ${i}`] = JSON.stringify(loaded.ok ? loaded.warnings : loaded.problems);
    }
  }
  assert.deepEqual(leaks(texts, settingCanaries), []);
  const twice = secretNames.flatMap((name) => [
    [name, `${canaryOf(name)},`],
    [`${name}_FILE`, file],
  ]);
  const ended = await runBridgeProcess({ ...settings, ...Object.fromEntries(twice) });
  assert.equal(ended.code, 1);
  for (const name of secretNames)
    assert.ok(
      ended.errors.some((line) => line.includes(name)),
      name,
    );
  assert.deepEqual(leaks({ output: textOf(ended) }, settingCanaries), []);
});

/** Everything that is refused, with the secrets in it wherever a sender may put them. */
const refusedRequests = (): readonly string[] => {
  const [body = Buffer.alloc(0)] = canaryBodies;
  const known = Object.entries(headersFor(body)).map(([name, value]) => `${name}: ${value}`);
  const length = `Content-Length: ${body.length}`;
  const request = (line: string, ...more: readonly string[]): string =>
    requestOf(line, [...known, ...more, "Connection: close"], body.toString());
  return [
    request(`POST /other/${token} HTTP/1.1`, length),
    request(`GET /callback?token=${token} HTTP/1.1`, length),
    request(`POST /${token}/%zz HTTP/1.1`, length),
    request(`POST /callback/${token} HTTP/1.1`, length, "Content-Encoding: gzip"),
    request("POST /callback HTTP/1.1", "Content-Length: 9999999"),
    request("POST /callback HTTP/1.1", "Content-Length: 3", length),
    request("POST /callback HTTP/1.1", `X: ${token.repeat(1000)}`),
    request(`${token} HTTP/1.1`, length),
    requestOf(
      `POST /callback?token=${token}x HTTP/1.1`,
      [...known.slice(0, 3), length, "Connection: close"],
      body.toString(),
    ),
    requestOf(`POST /callback/${token} HTTP/1.1`, [length, "Connection: close"], `${body.toString()} `),
  ];
};

test("P5: in health, no secret and no person stands in a log, a metric, a page or an answer, and no secret in a topic but the dead letters", async (t) => {
  const shared = sharedSettings();
  const brokers = shared.KAFKA_BROKERS.split(",");
  const bridge = await openBridgeProcess(t, {
    ...shared,
    ...settings,
    ...secretSettings(healthy),
    JOURNAL_DIR: await newDirectory(t),
    SCHEMA_REGISTRY_USERNAME: "registry-user",
  });
  await untilReady(bridge);
  let answers = "";
  for (const body of [...canaryBodies, ...canaryBodies]) {
    const answer = await post(bridge, body);
    assert.match(answer, /^200 /);
    answers += answer;
  }
  for (const request of refusedRequests()) {
    const answer = await exchangeRaw(t, bridge.port, request);
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, request.slice(0, 100));
    answers += answer;
  }
  const pages = await adminPages(bridge);
  assert.equal(await bridge.end("SIGTERM"), 0);
  assertTraced(bridge);
  assert.deepEqual(leaks({ answers, pages, log: textOf(bridge) }, all), []);

  const texts: Record<string, string> = {};
  let letters = 0;
  for (const { topic, key, value, headers } of await recordsIn(brokers, topicsUnder(shared.TOPIC_PREFIX))) {
    const isLetter = topic.endsWith("dead-letter");
    if (isLetter && value.includes(codeCanary)) letters += 1;
    const beside = `${key ?? ""} ${JSON.stringify(headers)}`;
    texts[isLetter ? "beside dead letters" : topic] += beside + (isLetter ? "" : value.toString("latin1"));
  }
  assert.ok(letters >= canaryLetters, "the dead letters hold the bytes as they came");
  assert.deepEqual(leaks(texts, [...settingCanaries, codeCanary]), []);
});

for (const status of [401, 403, 422])
  test(`P5: a registry that answers ${status} with what it was sent makes no secret shown`, async (t) => {
    const url = await openEcho(t, status);
    for (const except of [
      healthy,
      [...healthy, ...inOutage].filter((name) => name !== "SCHEMA_REGISTRY_TOKEN"),
    ]) {
      const user = except.includes("SCHEMA_REGISTRY_PASSWORD")
        ? {}
        : { SCHEMA_REGISTRY_USERNAME: "registry-user" };
      const env = {
        ...sharedSettings(),
        ...settings,
        ...secretSettings(except),
        ...user,
        SCHEMA_REGISTRY_URL: url,
      };
      const bridge = await openBridgeProcess(t, env);
      await eventually(() => assert.match(textOf(bridge), new RegExp(`answered ${status}`)));
      // A schema that is refused ends the start by itself.
      const code = await (status === 422 ? bridge.exited : bridge.end("SIGTERM"));
      assert.equal(code, status === 422 ? 1 : 0, textOf(bridge));
      assert.deepEqual(leaks({ output: textOf(bridge) }, all), []);
    }
  });
