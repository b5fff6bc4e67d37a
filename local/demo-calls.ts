import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { catalog, deadLetterTopic, type Dialect, type EventName, eventNames } from "../src/core/catalog.ts";

const fixtures = join(import.meta.dirname, "..", "test", "fixtures");

/** One request to the bridge, and what must come of it. */
export interface Call {
  readonly event: string;
  readonly dialect: Dialect | "–";
  readonly body: Buffer;
  readonly secret: string;
  readonly expected: {
    readonly status: number;
    /** Without the prefix; null: it must be in no topic. */
    readonly topic: string | null;
  };
}

/** As the bridge makes it: a record is found again by it. */
export function eventIdOf(body: Buffer): string {
  return createHash("sha256").update(body).digest("hex").slice(0, 32);
}

/** The headers that eSignGlobal sends, by the scheme `tsign`, for an address without a query. */
export function signedHeaders(body: Buffer, secret: string): Record<string, string> {
  const timestamp = `${Date.now()}`;
  const signature = createHmac("sha256", secret).update(timestamp).update(body).digest("hex");
  return {
    "content-type": "application/json; charset=UTF-8",
    "x-tsign-open-timestamp": timestamp,
    "x-tsign-open-signature": signature,
  };
}

/** Every event in every dialect that has it, and three requests that are not as they should be. */
export async function allCalls(secret: string): Promise<readonly Call[]> {
  const good = await Promise.all(eventNames.flatMap((event) => callsOf(event, secret)));
  const unknown = {
    callBackEnum: "ENVELOPE_UPDATE",
    callBackDesc: "ENVELOPE_TRANSFERRED",
    callBackEnvelopeVO: { envelopeId: "e-unknown-action" },
  };
  const forged = Buffer.from('{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e-forged"}}');
  return [
    ...good,
    {
      event: "(unknown action)",
      dialect: "apps-callback",
      body: Buffer.from(JSON.stringify(unknown)),
      secret,
      expected: { status: 200, topic: catalog.unrecognized.topic },
    },
    {
      event: "(broken JSON)",
      dialect: "–",
      body: Buffer.from('{"event":"ENVELOPE_FINISH","eventPayload":{'),
      secret,
      expected: { status: 200, topic: deadLetterTopic },
    },
    {
      event: "(wrong signature)",
      dialect: "webhook",
      body: forged,
      secret: `not ${secret}`,
      expected: { status: 401, topic: null },
    },
  ];
}

function callsOf(event: EventName, secret: string): Promise<Call>[] {
  const { apps, webhook, topic } = catalog[event];
  const actions: readonly (readonly [Dialect, string | null])[] = [
    ["apps-callback", apps],
    ["webhook", webhook],
  ];
  return actions.flatMap(([dialect, action]) =>
    action === null
      ? []
      : [
          readFile(join(fixtures, dialect, `${action}.json`)).then((body) => ({
            event,
            dialect,
            body,
            secret,
            expected: { status: 200, topic },
          })),
        ],
  );
}
