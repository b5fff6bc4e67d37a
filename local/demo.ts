import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import { type Bridge, startBridge } from "../src/bridge.ts";
import { loadConfig } from "../src/config.ts";
import { catalog, deadLetterTopic, eventNames, topicOf } from "../src/core/catalog.ts";
import { allCalls, type Call, signedHeaders } from "./demo-calls.ts";
import { readRecords } from "./demo-records.ts";
import { type Answer, toReport } from "./demo-report.ts";
import { type Stack, startStack } from "./stack.ts";

// `npm run demo`: a real Kafka, a real registry and the bridge; every callback there is goes in, and what comes out is
// shown. With a terminal it then stays; without one, or with --once, it exits 0 when everything arrived, 1 when not.

const secret = "demo-secret-of-sixteen-bytes-or-more";
const path = "/callback";
const readyWithinMs = 30_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Topics of others stay untouched when the servers are not ours. */
const prefixFor = ({ started }: Stack): string =>
  started ? "esign." : `demo-${randomBytes(4).toString("hex")}.`;

async function openBridge(stack: Stack, prefix: string): Promise<Bridge> {
  const loaded = loadConfig({
    AUTH: "hmac",
    HMAC_KEYS: `demo:${secret}`,
    JOURNAL_DIR: "none",
    HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_HOST: "127.0.0.1",
    ADMIN_PORT: "0",
    CALLBACK_PATH: path,
    KAFKA_BROKERS: stack.brokers,
    SCHEMA_REGISTRY_URL: stack.registryUrl,
    TOPIC_PREFIX: prefix,
  });
  if (!loaded.ok) throw new Error(loaded.problems.join("\n"));
  // Beside the table, not in it.
  const log = pino({ level: "warn", base: null }, pino.destination(2));
  return startBridge(loaded.config, log, { files: [], load: () => loaded, warnings: loaded.warnings });
}

async function untilReady({ adminPort, failed }: Bridge): Promise<void> {
  const fault = failed.then(({ code, detail }) => `${code}: ${detail}`);
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    const response = await fetch(`http://127.0.0.1:${adminPort}/ready`);
    if (response.ok) return;
    const over = await Promise.race([fault, pause(20)]);
    if (over !== undefined) throw new Error(over);
  }
  throw new Error(`the bridge was not ready within ${readyWithinMs / 1000} s`);
}

async function send(call: Call, port: number): Promise<Answer> {
  const headers = signedHeaders(call.body, call.secret);
  const begun = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers,
    body: new Uint8Array(call.body),
  });
  await response.arrayBuffer();
  return { call, status: response.status, ms: performance.now() - begun };
}

/** True when everything is where it must be. */
async function show(stack: Stack, { port }: Bridge, prefix: string): Promise<boolean> {
  const answers: Answer[] = [];
  for (const call of await allCalls(secret)) answers.push(await send(call, port));
  const deadLetters = prefix + deadLetterTopic;
  const found = await readRecords({
    brokers: stack.brokers.split(","),
    registryUrl: stack.registryUrl,
    topics: [...eventNames.map((event) => topicOf(event, prefix)), deadLetters],
    deadLetters,
  });
  const { table, problems } = toReport(answers, found, prefix);
  say(`\n${table}\n`);
  if (problems.length === 0) say(`All ${answers.length} calls came out as they must.`);
  else say(`Not as it must be:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  return problems.length === 0;
}

function invitation(stack: Stack, { port, adminPort }: Bridge, prefix: string): string {
  const envelopeId = `e-${randomBytes(4).toString("hex")}`;
  const payload = { envelopeId, envelopeStatus: 2 };
  const body = JSON.stringify({ event: catalog["envelope-finished"].webhook, eventPayload: payload });
  const headers = Object.entries(signedHeaders(Buffer.from(body), secret));
  return `
Send another one (a second time it is recognised as a repeat and not published again):

  curl -i http://127.0.0.1:${port}${path} \\
${headers.map(([name, value]) => `    -H '${name}: ${value}' \\`).join("\n")}
    -d '${body}'

Metrics   http://127.0.0.1:${adminPort}/metrics
Health    http://127.0.0.1:${adminPort}/ready
Kafka     ${stack.brokers}, topics ${prefix}*
Registry  ${stack.registryUrl}

Ctrl-C ends everything.`;
}

async function demo(stays: boolean, ended: Promise<void>): Promise<boolean> {
  await using stack = await startStack();
  const prefix = prefixFor(stack);
  await using parts = new AsyncDisposableStack();
  const bridge = parts.adopt(await openBridge(stack, prefix), (opened) => opened.close());
  await untilReady(bridge);
  const complete = await show(stack, bridge, prefix);
  if (stays) {
    say(invitation(stack, bridge, prefix));
    await ended;
  }
  return complete;
}

const { promise: ended, resolve: end } = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end());
// kafkajs gives Node cause for one on every start.
process.removeAllListeners("warning");

try {
  const stays = process.stdout.isTTY && !process.argv.includes("--once");
  // A signal before the table is there ends the demo as a failure; what was started is its child and ends with it.
  const outcome = demo(stays, ended);
  const complete = await (stays ? outcome : Promise.race([outcome, ended.then(() => false)]));
  process.exitCode = complete ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
