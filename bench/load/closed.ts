import { openConnection } from "./connection.ts";
import type { Plan } from "./plan.ts";
import type { Recorder } from "./recorder.ts";
import type { Requests } from "./requests.ts";

/** Requests that are ready before the time runs, where memory allows: more than any candidate has answered. */
const preparedPerSecond = 20_000;

/** As many requests under way as there are connections, each followed by the next at once. */
export const runClosed = async (plan: Plan, requests: Requests, recorder: Recorder): Promise<void> => {
  const { port, connections, warmUpSeconds, seconds, count } = plan;
  requests.prepare(Math.min(count, preparedPerSecond * (warmUpSeconds + seconds)));
  let left = count;
  let over = false;
  const drive = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const connection = await openConnection(port, resolve);
    const sendNext = (): void => {
      if (over || left === 0) {
        resolve();
        return;
      }
      left -= 1;
      const from = performance.now();
      connection.send(requests.next(), (status) => {
        recorder.answered(status, from);
        sendNext();
      });
    };
    sendNext();
    return promise.finally(connection.close);
  };
  const driving = Promise.all(Array.from({ length: connections }, drive));
  let timer = setTimeout(() => {
    recorder.begin();
    timer = setTimeout(() => {
      recorder.end();
      over = true;
    }, seconds * 1000);
  }, warmUpSeconds * 1000);
  await driving;
  recorder.end();
  clearTimeout(timer);
};
