import type { Entry, Settlement } from "./journal.ts";

/** Entries; at about 150 bytes each. The oldest are forgotten first: a repeat of one is then published again. */
const maxSettled = 400_000;

export type RepeatRules = {
  /** Milliseconds; 0: nothing is a repeat. */
  readonly windowMs: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

/** Recognises callbacks that were accepted before, by their id. Bounded by time and by number. */
export type Repeats = {
  /** How the first one ended or will end; undefined when there was none. */
  readonly firstOf: (eventId: string, event: string) => Promise<Settlement> | undefined;
  /** This is a first one; its repeats wait for it. */
  readonly begin: (entry: Entry) => void;
  /**
   * Kafka, or a lane on disk, has it. `once`: its event happens once, so what repeats it from now on is a repeat; that holds
   * for each that was begun, however it ended.
   */
  readonly settled: (eventId: string, receivedAt: number, once: boolean) => void;
};

export const createRepeats = ({ windowMs, clock }: RepeatRules): Repeats => {
  /** Receipt by id, in the order in which they settled. */
  const settledAt = new Map<string, number>();
  /** No more than what is in hand and in the lanes in memory: those on disk count as settled. */
  const underWay = new Map<string, Promise<Settlement>>();
  const isFresh = (receivedAt: number): boolean => clock() - receivedAt < windowMs;

  const forget = (): void => {
    for (const [eventId, receivedAt] of settledAt) {
      if (settledAt.size <= maxSettled && isFresh(receivedAt)) return;
      settledAt.delete(eventId);
    }
  };

  return {
    firstOf: (eventId, event) => {
      if (windowMs === 0) return undefined;
      const receivedAt = settledAt.get(eventId);
      if (receivedAt !== undefined && isFresh(receivedAt)) return Promise.resolve({ event, repeat: true });
      return underWay.get(eventId)?.then((settlement) => ({ ...settlement, repeat: true }));
    },
    begin: (entry) => {
      if (windowMs > 0) underWay.set(entry.arrival.eventId, entry.settled);
    },
    settled: (eventId, receivedAt, once) => {
      const begun = underWay.delete(eventId);
      if (windowMs === 0 || !(once || begun)) return;
      // To the end, also when it stood there before: what is in front is forgotten first.
      settledAt.delete(eventId);
      settledAt.set(eventId, receivedAt);
      forget();
    },
  };
};
