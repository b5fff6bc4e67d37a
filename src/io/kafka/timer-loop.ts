import { createRequire } from "node:module";

/** What is used of kafkajs' own queue of requests: one for each connection. */
type RequestQueue = { readonly pending: readonly unknown[] };
type QueueClass = { prototype: { scheduleCheckPendingRequests: (this: RequestQueue) => void } };

const queueClass: QueueClass = createRequire(import.meta.url)("kafkajs/src/network/requestQueue");

/**
 * kafkajs 2.2.4 looks every millisecond, for ever, whether a request may be sent that waits, also when none does: about
 * 4 % of a core for a connection at rest, and for one that was given up. A request that comes to wait starts the look by
 * itself, so for an empty queue there is nothing to start.
 */
export const stopIdleTimerLoop = (): void => {
  const { prototype } = queueClass;
  const { scheduleCheckPendingRequests } = prototype;
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue): void {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
};
