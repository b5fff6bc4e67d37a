import { parentPort, workerData } from "node:worker_threads";

// Says that it is there, is told when to start, and posts the places of the requests that are due. A thread of its own,
// since a sleep here wakes up within a tenth of a millisecond, where a timer of the event loop may be a whole one late.

const { rate, requests }: { rate: number; requests: number } = workerData;
const bell = new Int32Array(new SharedArrayBuffer(4));
const now = (): number => performance.timeOrigin + performance.now();

/** `startAt` is in milliseconds since 1970: threads do not share the origin of `performance.now()`. */
const beat = (startAt: number): void => {
  for (let due = 0; due < requests;) {
    const wait = startAt + (due * 1000) / rate - now();
    if (wait > 0) Atomics.wait(bell, 0, 0, wait);
    const from = due;
    while (due < requests && startAt + (due * 1000) / rate <= now()) due += 1;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    if (due > from) parentPort?.postMessage({ from, to: due });
  }
};

parentPort?.once("message", beat);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
parentPort?.postMessage("ready");
