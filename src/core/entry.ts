import type { Arrival, Entry, Settlement } from "./journal.ts";

/** How an arrival ends. The promise is made for the first who asks: what is acknowledged as stored is awaited by nobody. */
class Outcome {
  #settlement: Settlement | null = null;
  #awaited: PromiseWithResolvers<Settlement> | null = null;

  get isSettled(): boolean {
    return this.#settlement !== null;
  }

  get isAwaited(): boolean {
    return this.#awaited !== null;
  }

  get settled(): Promise<Settlement> {
    this.#awaited ??= Promise.withResolvers();
    if (this.#settlement !== null) this.#awaited.resolve(this.#settlement);
    return this.#awaited.promise;
  }

  /** Holds nothing of the arrival, however long somebody keeps it. */
  readonly settle = (settlement: Settlement): void => {
    this.#settlement ??= settlement;
    this.#awaited?.resolve(settlement);
  };
}

export type { Outcome };

/** The entry of every journal. Another one of the same arrival, read again, is given the outcome of the first if that is awaited. */
export class JournalEntry implements Entry {
  readonly arrival: Arrival;
  readonly sequence: number;
  readonly outcome: Outcome;

  constructor(arrival: Arrival, sequence: number, outcome = new Outcome()) {
    this.arrival = arrival;
    this.sequence = sequence;
    this.outcome = outcome;
  }

  get settled(): Promise<Settlement> {
    return this.outcome.settled;
  }

  get settle(): (settlement: Settlement) => void {
    return this.outcome.settle;
  }
}
