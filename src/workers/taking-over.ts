import type { Accept } from "../core/acknowledgement.ts";
import { createLimits, type Limits } from "../core/rate-limit.ts";
import { eventIdOf } from "../core/record.ts";
import { fail } from "../core/result.ts";
import { admittedInThread } from "../core/signature.ts";
import { type Accepted, type Answers, monotonicMs, type Parcels } from "./protocol.ts";

/** The limits that hold for the callbacks of all workers together. */
export const withLimits = (limits: Limits, accept: Accept): Accept => {
  const limitPassed = createLimits(limits);
  let inFlight = 0;
  return async (admitted, msLeft) => {
    const over = limitPassed(admitted.source, inFlight, performance.now());
    if (over !== null) return fail(over);
    inFlight += 1;
    try {
      return await accept(admitted, msLeft);
    } finally {
      inFlight -= 1;
    }
  };
};

/** The same object for the same success: a message holds each object once. There are as many as there are events. */
const createShared = () => {
  const known = new Map<string, Accepted>();
  return (result: Accepted): Accepted => {
    if (!result.ok) return result;
    const key = `${result.value.after} ${result.value.event}`;
    const shared = known.get(key) ?? result;
    known.set(key, shared);
    return shared;
  };
};

/**
 * The main thread's side: accepts what one worker has admitted, in its order, and sends the answers of one turn of the event
 * loop together.
 */
export const createTakingOver = (accept: Accept, send: (answers: Answers) => void) => {
  const shared = createShared();
  let numbers: number[] = [];
  let results: Accepted[] = [];
  const flush = (): void => {
    const answers: Answers = { kind: "answers", numbers, results };
    [numbers, results] = [[], []];
    send(answers);
  };
  const answer = (number: number, result: Accepted): void => {
    if (numbers.length === 0) setImmediate(flush);
    numbers.push(number);
    results.push(shared(result));
  };

  return ({ first, sources, eventIds, msLeft, bytes, bodies, sentAt }: Parcels): void => {
    const onTheWay = Math.ceil(monotonicMs() - sentAt);
    let at = 0;
    for (const [index, length] of bytes.entries()) {
      // A copy: one callback that waits for long must not keep all that came with it in memory.
      const body = Buffer.from(Buffer.from(bodies, at, length));
      at += length;
      const admitted = admittedInThread(body, sources[index] ?? null, eventIds[index] ?? eventIdOf(body));
      // An unexpected throw rejects a promise that nobody awaits: it ends the process.
      void accept(admitted, Math.max(0, (msLeft[index] ?? 0) - onTheWay)).then((result) =>
        answer(first + index, result),
      );
    }
  };
};
