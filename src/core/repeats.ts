import { createIdTable } from "./id-table.ts";
import type { Entry, Settlement } from "./journal.ts";
import { createNumbered } from "./numbered.ts";

/** Ids of a generation, of which there are two; at about 32 bytes each. A repeat of one that is forgotten is published again. */
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

const noRepeats: Repeats = { firstOf: () => undefined, begin: () => {}, settled: () => {} };

export const createRepeats = ({ windowMs, clock }: RepeatRules): Repeats => {
  if (windowMs === 0) return noRepeats;
  const underWay = createNumbered<Entry>();
  /**
   * By id, when it was received, or minus the number under which it is under way; in two generations, of which the older one
   * is forgotten, but for what is under way.
   */
  let young = createIdTable(generationSize);
  let old = createIdTable(1);
  /** Of the young one: under way since before it. */
  let carried = 0;
  const find = (eventId: string): number => young.get(eventId) || old.get(eventId);

  const turn = (): void => {
    old = young;
    young = createIdTable(generationSize + underWay.count());
    for (const [number, { arrival }] of underWay.all())
      if (old.get(arrival.eventId) === 0) young.set(arrival.eventId, -number);
    carried = young.size();
  };

  const remember = (eventId: string, known: number): void => {
    if (young.size() - carried >= generationSize) turn();
    young.set(eventId, known);
  };

  return {
    firstOf: (eventId, event) => {
      const known = find(eventId);
      const settled = known < 0 ? underWay.at(-known)?.settled : undefined;
      if (settled !== undefined) return settled.then((settlement) => ({ ...settlement, repeat: true }));
      const isFresh = known > 0 && clock() - known < windowMs;
      return isFresh ? Promise.resolve({ event, repeat: true }) : undefined;
    },
    begin: (entry) => remember(entry.arrival.eventId, -underWay.add(entry)),
    settled: (eventId, receivedAt, once) => {
      const known = find(eventId);
      if (known < 0) underWay.remove(-known);
      if (known < 0 || once) remember(eventId, Math.max(1, receivedAt));
    },
  };
};
