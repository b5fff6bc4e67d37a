import { canonicalFixtures, variantFixtures } from "../fixtures.ts";
import { largeBodies } from "./large.ts";
import { mutated, type Random } from "./random.ts";
import { keys, numbers, small, texts, types, values } from "./strange-values.ts";

// Bodies that a careless or hostile sender may send. All texts here are bytes: one character for each (latin1).

export const bodyLimitBytes = 1024 * 1024;

const fixtures = [...canonicalFixtures, ...variantFixtures].map(({ body }) => body.toString("latin1"));

/** A callback that no other one equals. */
const callback = (random: Random): string =>
  random.pick(fixtures).replace("{", `{"fuzz":"${random.below(2 ** 32)}-${random.below(2 ** 32)}",`);

/** Some of the values of a callback, whatever their types, replaced by strange ones. */
const withValues = (random: Random, strange: readonly string[]): string =>
  callback(random).replace(/(:\s*)("[^"]*"|-?\d[\d.]*|true|false|null)/g, (whole, colon: string) =>
    random.chance(0.15) ? colon + random.pick(strange) : whole,
  );

/** More keys at the begin of some objects: double ones, those of every object, those that look like ours. */
const withKeys = (random: Random): string =>
  callback(random).replaceAll("{", (brace) => {
    let more = "";
    while (random.chance(0.5)) more += `"${random.pick(keys)}":${random.pick(values)},`;
    return brace + more;
  });

const openers = [
  ["[", "]"],
  ['{"a":', "}"],
  ['[{"__proto__":', "}]"],
  ['"', '"'],
] as const;

const deep = (random: Random): string => {
  const depth = random.pick([10, 63, 64, 65, 1000, 100_000, 100_000]);
  const [open, close] = random.pick(openers);
  const nested = open.repeat(depth) + random.pick(["1", "", '"x"']) + close.repeat(random.pick([0, depth]));
  const [before, behind] = random.pick([
    ["", ""],
    ['{"event":"ENVELOPE_FINISH","eventPayload":{"envelopeId":"e","x":', "}}"],
    ['{"callBackDesc":"NEW","callBackEnvelopeVO":', "}"],
  ] as const);
  return (before + nested + behind).slice(0, bodyLimitBytes);
};

/** Up to the limit. */
const large = (random: Random): string => random.pick(largeBodies)[1](random.pick([bodyLimitBytes, 50_000]));

export const bodyKinds: Readonly<
  Record<string, { readonly weight: number; readonly make: (random: Random) => string }>
> = {
  callback: { weight: 250, make: callback },
  "changed bytes": { weight: 150, make: (random) => mutated(random, callback(random)) },
  numbers: { weight: 150, make: (random) => withValues(random, numbers) },
  types: { weight: 150, make: (random) => withValues(random, types) },
  texts: { weight: 150, make: (random) => withValues(random, texts) },
  keys: { weight: 150, make: withKeys },
  small: { weight: 50, make: (random) => random.pick(small) },
  noise: { weight: 50, make: (random) => random.bytes(random.below(1000)) },
  deep: { weight: 6, make: deep },
  large: { weight: 4, make: large },
};
