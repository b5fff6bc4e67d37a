import { play } from "./connection.ts";
import { answersOf, judge } from "./judge.ts";
import { type Plan, planOf } from "./plan.ts";

export type FuzzOptions = {
  readonly port: number;
  readonly seed: number;
  /** Number of the first connection. */
  readonly from: number;
  /** Asked before each connection, with the number of requests so far. */
  readonly isOver: (requests: number) => boolean;
};

/** What was sent and what came of it. */
export type Tally = {
  connections: number;
  requests: number;
  readonly kinds: Map<string, number>;
  readonly statuses: Map<number, number>;
  /** One line each. */
  readonly findings: string[];
  /** Ids of every body that was sent with a signature that holds. */
  readonly signed: Set<string>;
  /** Ids of those that were answered 200. */
  readonly acknowledged: Set<string>;
  /** Connections that are under way. */
  readonly underWay: Set<number>;
};

export const createTally = (): Tally => ({
  connections: 0,
  requests: 0,
  kinds: new Map(),
  statuses: new Map(),
  findings: [],
  signed: new Set(),
  acknowledged: new Set(),
  underWay: new Set(),
});

const connectionsAtOnce = 96;
const mostFindings = 20;

const count = <K>(counts: Map<K, number>, key: K): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const playOne = async ({ port }: FuzzOptions, plan: Plan, tally: Tally): Promise<void> => {
  for (const id of plan.signed) tally.signed.add(id);
  for (const kind of plan.kinds) count(tally.kinds, kind);
  tally.connections += 1;
  tally.requests += plan.kinds.length;
  tally.underWay.add(plan.index);
  const heard = await play(port, plan);
  tally.underWay.delete(plan.index);
  const answers = answersOf(heard);
  for (const status of answers.statuses) count(tally.statuses, status);
  for (const [i, id] of plan.accepted.entries()) {
    if (id !== null && answers.statuses[i] === 200) tally.acknowledged.add(id);
  }
  const fault = judge(plan, heard, answers);
  if (fault !== null) tally.findings.push(`connection ${plan.index} (${plan.kinds.join(", ")}): ${fault}`);
};

/** Many connections at once, in the order of their numbers, until it is over or enough is found. Returns the next number. */
export const fuzz = async (options: FuzzOptions, tally: Tally): Promise<number> => {
  const { seed, from, isOver } = options;
  let next = from;
  const lane = async (): Promise<void> => {
    while (!isOver(tally.requests) && tally.findings.length < mostFindings) {
      const plan = planOf(seed, next);
      next += 1;
      await playOne(options, plan, tally);
    }
  };
  await Promise.all(Array.from({ length: connectionsAtOnce }, lane));
  return next;
};
