import type { Entry, Settlement } from "./journal.ts";

/** Ids of a generation, of which there are two; at about 150 bytes each. A repeat of one that is forgotten is published again. */
const generationSize = 200_000;

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
  /**
   * Receipt by id, in two generations: the older one is forgotten as a whole. To forget them one by one would be slow: a map
   * walks past all that was deleted from it.
   */
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  /** No more than what is in hand and in the lanes in memory: those on disk count as settled. */
  const underWay = new Map<string, Promise<Settlement>>();
  const isFresh = (receivedAt: number): boolean => clock() - receivedAt < windowMs;

  const remember = (eventId: string, receivedAt: number): void => {
    if (young.size >= generationSize) {
      old = young;
      young = new Map();
    }
    young.set(eventId, receivedAt);
  };

  return {
    firstOf: (eventId, event) => {
      if (windowMs === 0) return undefined;
      const receivedAt = young.get(eventId) ?? old.get(eventId);
      if (receivedAt !== undefined && isFresh(receivedAt)) return Promise.resolve({ event, repeat: true });
      return underWay.get(eventId)?.then((settlement) => ({ ...settlement, repeat: true }));
    },
    begin: (entry) => {
      if (windowMs > 0) underWay.set(entry.arrival.eventId, entry.settled);
    },
    settled: (eventId, receivedAt, once) => {
      const begun = underWay.delete(eventId);
      if (windowMs > 0 && (once || begun)) remember(eventId, receivedAt);
    },
  };
};
