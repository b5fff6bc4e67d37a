import { batchLimit, type RelayContext, toItems } from "./context.ts";
import type { Item } from "./delivery.ts";

/** What one read of the journal has given. */
export type Taken = {
  /** How many entries were read; 0 only when the journal is closed and empty. */
  readonly entries: number;
  /** Of their bodies. */
  readonly bytes: number;
  readonly items: readonly Item[];
};

/** The one reader of the journal. */
export type Intake = {
  /** The next batch; waits for the first entry of it. */
  readonly next: (unreleased: number) => Promise<Taken>;
  /** What there is, without waiting for more of it: perhaps nothing. */
  readonly more: (unreleased: number) => Promise<Taken>;
  /**
   * With a backlog: reads and encodes the next batch while Kafka works on this one. Without one, to read early would be
   * to read little, and many small batches cost more than few large ones.
   */
  readonly lookAhead: (unreleased: number) => void;
};

/** A batch of as many callbacks shows load. */
const load = 16;
const nothing: Taken = { entries: 0, bytes: 0, items: [] };
/** Unread entries that make a backlog. */
const backlog = batchLimit.entries / 4;

export const createIntake = (context: RelayContext): Intake => {
  const { journal } = context;
  let ahead: Promise<Taken> | null = null;
  let lastRead = 0;

  const take = async (wait: boolean): Promise<Taken> => {
    const entries = await journal.read({ ...batchLimit, wait });
    const bytes = entries.reduce((sum, { arrival }) => sum + arrival.body.length, 0);
    lastRead = entries.length;
    return { entries: entries.length, bytes, items: await toItems(context, entries) };
  };
  const unread = (unreleased: number): number => journal.status().pendingRecords - unreleased;

  /** Under load the senders whose batch has just been acknowledged are about to send again: one large batch, not two. */
  const takeWhole = async (unreleased: number): Promise<Taken> => {
    if (lastRead >= load && unread(unreleased) * 2 < lastRead) await context.linger();
    return take(true);
  };
  const takeAhead = (): Promise<Taken> | null => {
    const taking = ahead;
    ahead = null;
    return taking;
  };

  return {
    next: async (unreleased) => {
      const taken = await takeAhead();
      // All that was to be read early may have been missing.
      return taken === null || taken.entries === 0 ? takeWhole(unreleased) : taken;
    },
    more: async (unreleased) => takeAhead() ?? (unread(unreleased) > 0 ? take(false) : nothing),
    lookAhead: (unreleased) => {
      if (ahead === null && unread(unreleased) >= backlog) ahead = take(false);
    },
  };
};
