import assert from "node:assert/strict";
import { eventually } from "./eventually.ts";
import type { Sent } from "./flood.ts";
import { idsInTopic } from "./topic-ids.ts";

/** Of kill -9 and the like: `npm run disasters -- --rounds N`. */
export const rounds = Number(process.env["DISASTER_ROUNDS"] ?? 50);

/** Where `openFlood`'s callbacks go, below the prefix. */
export const floodTopic = "envelope.signer-signed";

type Where = {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly withinMs?: number;
};

/** P1 and P3: resolves with the ids in the topic when all acknowledged ones are among them. */
export const untilAllInKafka = async (
  acknowledged: ReadonlyMap<string, unknown>,
  { brokers, topic, withinMs = 90_000 }: Where,
): Promise<readonly string[]> => {
  let present: readonly string[] = [];
  let lost: readonly string[] = [...acknowledged.keys()];
  const isThere = async (): Promise<boolean> => {
    present = await idsInTopic(brokers, topic);
    const ids = new Set(present);
    lost = [...acknowledged.keys()].filter((id) => !ids.has(id));
    return lost.length === 0;
  };
  await eventually(isThere, { withinMs }).catch(() => undefined);
  assert.equal(
    lost.length,
    0,
    `P1: ${lost.length} of ${acknowledged.size} acknowledged callbacks are not in Kafka`,
  );
  return present;
};

/** P6: in the topic, the first record of each step of an envelope stands behind that of the step before. */
export const assertInOrder = (ids: readonly string[], acknowledged: ReadonlyMap<string, Sent>): void => {
  const reached = new Map<string, number>();
  for (const id of ids) {
    const sent = acknowledged.get(id);
    if (sent === undefined) continue;
    const last = reached.get(sent.envelopeId) ?? -1;
    assert.ok(
      sent.step <= last + 1,
      `P6: step ${sent.step} of ${sent.envelopeId} stands before step ${last + 1}`,
    );
    reached.set(sent.envelopeId, Math.max(last, sent.step));
  }
};
