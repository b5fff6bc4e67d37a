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
  /**
   * With a backlog: reads and encodes the next batch while Kafka works on this one. Without one, to read early would be
   * to read little, and many small batches cost more than few large ones.
   */
  readonly lookAhead: (unreleased: number) => void;
  /** True when `next` need not wait. */
  readonly hasNext: (unreleased: number) => boolean;
};

/** A batch of as many callbacks shows load. */
const load = 16;
/** Unread entries that make a backlog. */
const backlog = batchLimit.entries / 4;

export const createIntake = (context: RelayContext): Intake => {
  const { journal } = context;
  let ahead: Promise<Taken> | null = null;
  let lastRead = 0;

  const take = async (): Promise<Taken> => {
    const entries = await journal.read(batchLimit);
    const bytes = entries.reduce((sum, { arrival }) => sum + arrival.body.length, 0);
    lastRead = entries.length;
    return { entries: entries.length, bytes, items: await toItems(context, entries) };
  };
  const unread = (unreleased: number): number => journal.status().pendingRecords - unreleased;

  /** Under load the senders whose batch has just been acknowledged are about to send again: one large batch, not two. */
  const takeWhole = async (unreleased: number): Promise<Taken> => {
    if (lastRead >= load && unread(unreleased) * 2 < lastRead) await context.linger();
    return take();
  };

  return {
    next: (unreleased) => {
      const taking = ahead ?? takeWhole(unreleased);
      ahead = null;
      return taking;
    },
    lookAhead: (unreleased) => {
      if (ahead === null && unread(unreleased) >= backlog) ahead = take();
    },
    hasNext: (unreleased) => ahead !== null || unread(unreleased) > 0,
  };
};
