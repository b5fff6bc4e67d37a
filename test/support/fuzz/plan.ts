import { hash } from "node:crypto";
import { oddKinds } from "./odd.ts";
import { createRandom, pickWeighted, type Random } from "./random.ts";
import { knownKinds, type Made } from "./requests.ts";

/** What is sent on one connection, and what is known of the answers. */
export type Plan = {
  readonly index: number;
  readonly kinds: readonly string[];
  /** Written one after another, each in a turn of its own. */
  readonly pieces: readonly Buffer[];
  /** The statuses of the requests that are understood for sure, in their order. */
  readonly statuses: readonly number[];
  /** True: what comes behind those is not known, nor when it is over. */
  readonly open: boolean;
  /** How a connection that does not end by itself is ended. */
  readonly end: "finish" | "reset" | "wait";
  /** Ids of the bodies whose signatures hold. */
  readonly signed: readonly string[];
  /** Ids of those among them that are answered 200 for sure, in their order; null for another answer. */
  readonly accepted: readonly (string | null)[];
};

/** As the bridge must make it: of bytes, one character for each. */
export const idOf = (body: string): string => hash("sha256", Buffer.from(body, "latin1")).slice(0, 32);

const cutUp = (random: Random, bytes: Buffer): readonly Buffer[] => {
  if (bytes.length < 2000 && random.chance(0.01)) return Array.from(bytes, (byte) => Buffer.of(byte));
  const cuts = Array.from({ length: random.pick([0, 0, 1, 3]) }, () => random.below(bytes.length));
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((to, i) => bytes.subarray(places[i], to));
};

/** Some requests that are understood, and behind them, perhaps, one that may not be. */
export const planOf = (seed: number, index: number): Plan => {
  const random = createRandom(seed, index);
  const open = random.chance(0.4);
  const count = 1 + random.below(random.pick([1, 4, 16]));
  const kinds: string[] = [];
  const made: Made[] = [];
  for (let i = 0; i < count; i += 1) {
    const [kind, { make }] = pickWeighted(random, knownKinds);
    kinds.push(kind);
    made.push(make(random, !open && i === count - 1));
  }
  if (open) {
    const [kind, { make }] = pickWeighted(random, oddKinds);
    kinds.push(kind);
    made.push(make(random));
  }
  const signed = made.flatMap(({ signed: body }) => (body === null ? [] : [idOf(body)]));
  const known = made.filter(({ status }) => status !== null);
  return {
    index,
    kinds,
    pieces: cutUp(random, Buffer.from(made.map(({ text }) => text).join(""), "latin1")),
    statuses: known.flatMap(({ status }) => status ?? []),
    open,
    end: random.chance(0.02) ? "reset" : random.chance(0.01) ? "wait" : "finish",
    signed,
    accepted: known.map(({ status, signed: body }) => (status === 200 && body !== null ? idOf(body) : null)),
  };
};
