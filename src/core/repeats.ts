import type { Entry, Settlement } from "./journal.ts";

/** Ids of a generation, of which there are two; at about 150 bytes each. A repeat of one that is forgotten is published again. */
const generationSize = 200_000;
/** Ids that are remembered at most: more of them need not be kept. */
export const mostRemembered = 2 * generationSize;

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

type Known = Promise<Settlement> | number;

export const createRepeats = ({ windowMs, clock }: RepeatRules): Repeats => {
  /**
   * By id, how it will end, or when it was received; in two generations, of which the older one is forgotten, but for what is
   * under way. Nothing is deleted: a map walks past all that was deleted from it, and leaves behind one table after the other.
   */
  let young = new Map<string, Known>();
  let old = new Map<string, Known>();
  /** Of the young one: under way since before it. */
  let carried = 0;
  const find = (eventId: string): Known | undefined => young.get(eventId) ?? old.get(eventId);
  const isFresh = (receivedAt: number): boolean => clock() - receivedAt < windowMs;

  const turn = (): void => {
    const dropped = old;
    old = young;
    young = new Map();
    for (const [eventId, known] of dropped)
      if (typeof known === "object" && !old.has(eventId)) young.set(eventId, known);
    carried = young.size;
  };

  const remember = (eventId: string, known: Known): void => {
    if (young.size - carried >= generationSize) turn();
    young.set(eventId, known);
  };

  return {
    firstOf: (eventId, event) => {
      if (windowMs === 0) return undefined;
      const known = find(eventId);
      if (typeof known === "object") return known.then((settlement) => ({ ...settlement, repeat: true }));
      return known !== undefined && isFresh(known) ? Promise.resolve({ event, repeat: true }) : undefined;
    },
    begin: (entry) => {
      if (windowMs > 0) remember(entry.arrival.eventId, entry.settled);
    },
    settled: (eventId, receivedAt, once) => {
      if (windowMs > 0 && (once || typeof find(eventId) === "object")) remember(eventId, receivedAt);
    },
  };
};
