import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { pino } from "pino";
import { stopIdleTimerLoop } from "../../../src/io/kafka/timer-loop.ts";

type Late = { readonly sentAt: number; readonly requestTimeout: number; readonly timeoutRequest: () => void };
type Queue = {
  readonly inflight: Map<number, Late>;
  scheduleRequestTimeoutCheck: () => void;
  destroy: () => void;
};

const RequestQueue: new (options: object) => Queue = createRequire(import.meta.url)(
  "kafkajs/src/network/requestQueue",
);

test("P2: a request to Kafka that is late is given up within half a second, and one in time is not", (t) => {
  stopIdleTimerLoop();
  t.mock.timers.enable({ apis: ["setInterval", "Date"] });
  const queue = new RequestQueue({
    requestTimeout: 5000,
    enforceRequestTimeout: true,
    logger: { namespace: () => pino({ level: "silent" }) },
    isConnected: () => true,
  });
  const givenUp: string[] = [];
  const request = (name: string, sentAt: number): Late => ({
    sentAt,
    requestTimeout: 5000,
    timeoutRequest: () => void givenUp.push(name),
  });
  queue.inflight.set(1, request("late", -4900)).set(2, request("in time", 0));
  queue.scheduleRequestTimeoutCheck();
  // Not a hundred milliseconds earlier either: each look wakes a bridge at rest.
  t.mock.timers.tick(499);
  assert.deepEqual(givenUp, []);
  t.mock.timers.tick(1);
  assert.deepEqual(givenUp, ["late"]);
  queue.destroy();
  t.mock.timers.tick(60_000);
  assert.deepEqual(givenUp, ["late"]);
});
