import { createRequire } from "node:module";

/** What is used of kafkajs' own queue of requests: one for each connection. */
type Request = {
  readonly sentAt: number;
  readonly requestTimeout: number;
  readonly timeoutRequest: () => void;
};
type RequestQueue = {
  readonly pending: readonly unknown[];
  readonly inflight: ReadonlyMap<number, Request>;
  readonly isConnected: () => boolean;
  /** Ends the look for late requests. */
  readonly destroy: () => void;
  requestTimeoutIntervalId: NodeJS.Timeout | null;
};
type QueueClass = {
  prototype: {
    scheduleCheckPendingRequests: (this: RequestQueue) => void;
    scheduleRequestTimeoutCheck: (this: RequestQueue) => void;
  };
};

const queueClass: QueueClass = createRequire(import.meta.url)("kafkajs/src/network/requestQueue");

/** Milliseconds that a request may be late before it is seen to be. */
const lookMs = 500;

function lookForLateRequests(this: RequestQueue): void {
  this.destroy();
  this.requestTimeoutIntervalId = setInterval(() => {
    for (const request of this.inflight.values())
      if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest();
    if (!this.isConnected()) this.destroy();
  }, lookMs);
}

/**
 * kafkajs 2.2.4 looks every millisecond, for ever, whether a request may be sent that waits, also when none does: about
 * 4 % of a core for a connection at rest, and for one that was given up. A request that comes to wait starts the look by
 * itself, so for an empty queue there is nothing to start. For late requests it looks ten times a second, which becomes two.
 */
export const stopIdleTimerLoop = (): void => {
  const { prototype } = queueClass;
  const { scheduleCheckPendingRequests } = prototype;
  prototype.scheduleCheckPendingRequests = function schedule(this: RequestQueue): void {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
  prototype.scheduleRequestTimeoutCheck = lookForLateRequests;
};
