import { hash } from "node:crypto";
import { mulberry32 } from "../random.ts";

/** Choices that follow from a seed and a number alone, so that a finding can be had again. */
export type Random = {
  /** A whole number from 0 to below `limit`. */
  readonly below: (limit: number) => number;
  readonly chance: (share: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
  /** One character for each byte. */
  readonly bytes: (count: number) => string;
};

export const createRandom = (seed: number, index: number): Random => {
  const next = mulberry32(hash("sha256", `${seed} ${index}`, "buffer").readInt32LE(0));
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    chance: (share) => next() < share,
    pick: (from) => {
      const picked = from[below(from.length)];
      if (picked === undefined) throw new Error("nothing to pick from");
      return picked;
    },
    bytes: (count) => Array.from({ length: count }, () => String.fromCharCode(below(256))).join(""),
  };
};

/** A maker of a table, as often as its weight says. */
export const pickWeighted = <T extends { readonly weight: number }>(
  random: Random,
  table: Readonly<Record<string, T>>,
): readonly [name: string, row: T] => {
  const rows = Object.entries(table);
  let left = random.below(rows.reduce((sum, [, { weight }]) => sum + weight, 0));
  for (const [name, row] of rows) {
    if (left < row.weight) return [name, row];
    left -= row.weight;
  }
  throw new Error("the table is empty");
};

/** Bytes changed, taken out, put in or doubled in a few places. */
export const mutated = (random: Random, text: string): string => {
  let changed = text;
  for (let edits = 1 + random.below(4); edits > 0; edits -= 1) {
    const at = random.below(changed.length + 1);
    const to = at + random.below(random.chance(0.5) ? 3 : 40);
    const piece = changed.slice(at, to);
    const instead = random.pick([
      "",
      piece + piece,
      random.bytes(1 + random.below(4)),
      random.pick(["\r\n", "\n", "\0", ":", ",", '"', "{", "}", "[", "]", " ", "\\", "0"]),
    ]);
    changed = changed.slice(0, at) + instead + changed.slice(to);
  }
  return changed;
};
