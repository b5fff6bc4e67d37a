import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Sink } from "../../src/core/sink.ts";
import { recordOf } from "./proxiedKafka.ts";
import type { FoundRecord } from "./records.ts";

export type SinkLoad = {
  /** What was ok, as `key/step`. */
  readonly acknowledged: readonly string[];
  readonly ended: Promise<unknown>;
};

type Load = { readonly sink: Sink; readonly topic: string; readonly callers: number };

const keysPerCaller = 10;

/**
 * Each caller owns ten keys and sends one record of each in one call, so that a call concerns several partitions and
 * brokers; then the next of those that were ok, and the others again.
 */
export const sendUntil = (over: AbortSignal, { sink, topic, callers }: Load): SinkLoad => {
  const acknowledged: string[] = [];
  const run = async (caller: number): Promise<void> => {
    const keys = Array.from({ length: keysPerCaller }, (_, key) => ({ name: `${caller}.${key}`, step: 0 }));
    while (!over.aborted) {
      const outcomes = await sink.send(
        keys.map(({ name, step }) => recordOf(topic, name, `${name}/${step}`)),
      );
      for (const [index, key] of keys.entries()) {
        if (outcomes[index]?.ok !== true) continue;
        acknowledged.push(`${key.name}/${key.step}`);
        key.step += 1;
      }
    }
  };
  return { acknowledged, ended: Promise.all(Array.from({ length: callers }, (_, caller) => run(caller))) };
};

/** The first record of each step stands behind that of the step before. */
const assertInOrder = (ids: Iterable<string>): void => {
  const last = new Map<string, number>();
  for (const id of ids) {
    const [key = "", step = ""] = id.split("/");
    assert.ok(Number(step) > (last.get(key) ?? -1), `P6: ${id} stands too late`);
    last.set(key, Number(step));
  }
};

type Found = { readonly records: readonly FoundRecord[]; readonly reconnects: number };

/** All that was acknowledged is in the topic, key by key in order. */
export const assertKept = (
  t: TestContext,
  acknowledged: readonly string[],
  { records, reconnects }: Found,
): void => {
  const present = new Set(records.map(({ headers }) => headers["ce_id"] ?? ""));
  const lost = acknowledged.filter((id) => !present.has(id));
  assert.deepEqual(
    lost,
    [],
    `P1: ${lost.length} of ${acknowledged.length} acknowledged are not in the topic`,
  );
  assertInOrder(present);
  const repeated = records.length - present.size;
  t.diagnostic(`${acknowledged.length} acknowledged, ${repeated} repeated, ${reconnects} reconnects`);
};
