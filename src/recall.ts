import { createRepeats, type Repeats } from "./core/repeats.ts";
import type { Journals } from "./journals.ts";

type Recalling = Pick<Journals, "retained"> & {
  readonly windowMs: number;
  readonly closing: AbortSignal;
};

/**
 * The repeats of what was accepted before this start are known too, as far as the journal still has it. At the end of the
 * bridge nobody waits for what is left to be read.
 */
export const recallRepeats = async ({ retained, windowMs, closing }: Recalling): Promise<Repeats> => {
  const repeats = createRepeats({ windowMs, clock: Date.now });
  if (windowMs === 0) return repeats;
  for await (const batch of retained()) {
    if (closing.aborted) break;
    for (const { eventId, receivedAt, pending } of batch) {
      if (!pending) repeats.settled(eventId, receivedAt, true);
    }
  }
  return repeats;
};
