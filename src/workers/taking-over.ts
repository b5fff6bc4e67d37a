import type { Accept } from "../core/acknowledgement.ts";
import { createRateLimit } from "../core/rate-limit.ts";
import { fail } from "../core/result.ts";
import { admittedInThread } from "../core/signature.ts";
import { type Answer, monotonicMs, type Parcels } from "./protocol.ts";

type Limits = { readonly maxInFlight: number; readonly network: { readonly rateLimit: number } };

/** The limits that hold for the callbacks of all workers together. */
export const withLimits = ({ maxInFlight, network }: Limits, accept: Accept): Accept => {
  const isWithinRate = network.rateLimit === 0 ? null : createRateLimit(network.rateLimit);
  let inFlight = 0;
  return async (admitted, msLeft) => {
    if (isWithinRate?.(admitted.source, performance.now()) === false) return fail("rate-limited");
    if (inFlight >= maxInFlight) return fail("in-flight-limit");
    inFlight += 1;
    try {
      return await accept(admitted, msLeft);
    } finally {
      inFlight -= 1;
    }
  };
};

/**
 * The main thread's side: accepts what one worker has admitted, in its order, and sends the answers of one turn of the event
 * loop together.
 */
export const createTakingOver = (accept: Accept, send: (answers: readonly Answer[]) => void) => {
  let answers: Answer[] = [];
  const flush = (): void => {
    const sent = answers;
    answers = [];
    send(sent);
  };
  const answer = (one: Answer): void => {
    if (answers.length === 0) setImmediate(flush);
    answers.push(one);
  };

  return ({ parcels, bodies, sentAt }: Parcels): void => {
    const onTheWay = Math.ceil(monotonicMs() - sentAt);
    let at = 0;
    for (const { number, source, msLeft, bytes } of parcels) {
      // A copy: one callback that waits for long must not keep all that came with it in memory.
      const body = Buffer.from(Buffer.from(bodies, at, bytes));
      at += bytes;
      // An unexpected throw rejects a promise that nobody awaits: it ends the process.
      void accept(admittedInThread(body, source), Math.max(0, msLeft - onTheWay)).then((result) =>
        answer({ number, result }),
      );
    }
  };
};
