import type { Options } from "./options.ts";

/** Then all start anew: how well its code is compiled differs from one start of a server to the next. */
const roundsPerStart = 2;
/** Seconds in front of each load; that its server is warm has been seen to before. */
const settleSeconds = 0.5;

export type Report = (line: string) => void;

type Turns<Name extends string, Started, Round> = {
  readonly names: readonly Name[];
  /** Starts it and warms it up. While the others are measured it has nothing to do. */
  readonly start: (name: Name, stack: AsyncDisposableStack) => Promise<Started>;
  readonly measure: (started: Started, options: Options) => Promise<Round>;
  readonly lineOf: (round: Round) => string;
};

/** Rounds of each by its name. Short ones alternate, so that a slow minute of the machine falls on all alike. */
export const takeTurns = async <Name extends string, Started, Round>(
  options: Options,
  { names, start, measure, lineOf }: Turns<Name, Started, Round>,
  report: Report,
): Promise<ReadonlyMap<Name, readonly Round[]>> => {
  const rounds = new Map<Name, Round[]>(names.map((name) => [name, []]));
  const settled = { ...options, warmUpSeconds: Math.min(settleSeconds, options.warmUpSeconds) };
  for (let done = 0; done < options.rounds; done += roundsPerStart) {
    const next = Math.min(options.rounds, done + roundsPerStart);
    report(`rounds ${done + 1} to ${next} of ${options.rounds}`);
    await using stack = new AsyncDisposableStack();
    const all = new Map<Name, Started>();
    for (const name of names) all.set(name, await start(name, stack));
    for (let round = done; round < next; round += 1) {
      for (const [name, started] of all) {
        const measured = await measure(started, settled);
        rounds.get(name)?.push(measured);
        report(`${name}: ${lineOf(measured)}`);
      }
    }
  }
  return rounds;
};
