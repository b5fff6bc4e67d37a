import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { TestContext } from "node:test";
import type { SettingName } from "../../src/settings.ts";
import { canaryOf, codeCanary, peopleCanary, secretText, settingCanaries } from "./canary.ts";
import { runMain } from "./commands.ts";
import { listen } from "./listen.ts";
import type { BridgeProcess, Output } from "./process.ts";
import { signed } from "./sender.ts";

// Everything that a bridge says to anyone, as text.

export const all = [...settingCanaries, codeCanary, peopleCanary];
export const token = canaryOf("TOKENS");
const authorization = `Bearer ${token}`;
export const headersFor = (body: Buffer): Record<string, string> => ({
  ...signed(body, canaryOf("HMAC_KEYS")),
  authorization,
});

/** With these in turn left out, since they exclude each other, every secret there is has its turn. */
export const healthy: readonly SettingName[] = ["KAFKA_SASL_PASSWORD", "SCHEMA_REGISTRY_TOKEN"];
export const inOutage: readonly SettingName[] = ["SCHEMA_REGISTRY_PASSWORD"];

export const settings = { AUTH: "hmac,token", LOG_LEVEL: "trace" };

export const post = async (bridge: BridgeProcess, body: Buffer): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${bridge.port}/callback`, {
    method: "POST",
    headers: headersFor(body),
    body: new Uint8Array(body),
  });
  return `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`;
};

export const adminPages = async ({ adminPort }: BridgeProcess): Promise<string> => {
  const pages = ["/metrics", "/ready", "/live", "/other"];
  const answers = await Promise.all(
    pages.map(async (page) => (await fetch(`http://127.0.0.1:${adminPort}${page}`)).text()),
  );
  return answers.join("\n");
};

export const assertTraced = ({ lines }: Output): void =>
  assert.ok(
    lines.some(({ level }) => level === 10 || level === 20),
    "the log told all that it can",
  );

/** `export` and `skip` write payloads on purpose, into what the operator names: they are left out here. */
export const commandOutput = async (directory: string): Promise<string> => {
  const runs: readonly (readonly string[])[] = [
    ["status"],
    ["status", "--json"],
    ["list"],
    ["list", "--json"],
    ["verify"],
    ["verify", "--json"],
    ["verify", "--limit", "1"],
    ["help"],
  ];
  let text = "";
  for (const args of runs) {
    const where = args[0] === "help" ? [] : ["--dir", directory];
    const { out, err } = await runMain(["journal", ...args, ...where], {
      JOURNAL_KEY: secretText("JOURNAL_KEY"),
    });
    text += `${args.join(" ")}\n${out}\n${err}\n`;
  }
  return text;
};

/** Answers with what it was sent, as a proxy's error page does. */
export const openEcho = async (t: TestContext, status: number): Promise<string> => {
  const server = createServer(({ headers, url }, response) => {
    const { authorization: sent = "" } = headers;
    const decoded = Buffer.from(sent.split(" ")[1] ?? "", "base64").toString();
    response.writeHead(status).end(JSON.stringify({ message: `${url} ${sent} ${decoded}`, headers }));
  });
  return `http://${await listen(t, server)}`;
};
