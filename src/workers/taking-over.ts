import type { Accept, Accepted } from "../core/acknowledgement.ts";
import { createLimits, type Limits } from "../core/rate-limit.ts";
import { eventIdOf } from "../core/record.ts";
import { fail } from "../core/result.ts";
import { admittedInThread } from "../core/signature.ts";
import { type Answers, monotonicMs, type Parcels } from "./protocol.ts";

/** The limits that hold for the callbacks of all workers together. */
export const withLimits = (limits: Limits, accept: Accept): Accept => {
  const limitPassed = createLimits(limits);
  let inFlight = 0;
  const ended = (result: Accepted): Accepted => {
    inFlight -= 1;
    return result;
  };
  return (admitted, msLeft) => {
    const over = limitPassed(admitted.source, inFlight, performance.now());
    if (over !== null) return Promise.resolve(fail(over));
    inFlight += 1;
    return accept(admitted, msLeft).then(ended);
  };
};

/**
 * The main thread's side: accepts what one worker has admitted, in its order, and sends the answers of one turn of the event
 * loop together.
 */
export const createTakingOver = (accept: Accept, send: (answers: Answers) => void) => {
  let answered: number[] = [];
  let results: Accepted[] = [];
  const flush = (): void => {
    const answers: Answers = { kind: "answers", numbers: answered, results };
    [answered, results] = [[], []];
    send(answers);
  };
  const answer = (number: number, result: Accepted): void => {
    if (answered.length === 0) setImmediate(flush);
    answered.push(number);
    results.push(result);
  };

  return ({ numbers, sources, eventIds, msLeft, bytes, bodies, sentAt }: Parcels): void => {
    const onTheWay = Math.ceil(monotonicMs() - sentAt);
    const all = Buffer.from(bodies);
    let at = 0;
    for (const [index, number] of numbers.entries()) {
      // Memory of its own: one callback that waits for long must not keep others in memory.
      const body = Buffer.allocUnsafeSlow(bytes[index] ?? Number.NaN);
      if (all.copy(body, 0, at) < body.length) throw new RangeError("fewer bytes than the parcels say");
      at += body.length;
      const admitted = admittedInThread(body, sources[index] ?? null, eventIds[index] ?? eventIdOf(body));
      // Nobody awaits it: an unexpected throw ends the process.
      void accept(admitted, Math.max(0, (msLeft[index] ?? 0) - onTheWay)).then((result) =>
        answer(number, result),
      );
    }
  };
};
