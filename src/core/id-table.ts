/** Numbers by id, of which none is taken out again. */
export type IdTable = {
  readonly size: () => number;
  /** 0: the id is not there. */
  readonly get: (id: string) => number;
  /** Not 0. */
  readonly set: (id: string, value: number) => void;
};

/** Of the slots: with more of them in use it takes longer to find a free one. */
const mostInUse = 0.8;
/** 128 bits of a digest: of 400,000 ids one is taken for another once in 10^32 looks. */
const wordsOfId = 4;
const words = new Uint32Array(wordsOfId);
const bytes = Buffer.from(words.buffer);
/** The id in `words`: each is looked for several times in a row. */
let loaded = "";

const load = (id: string): void => {
  if (id === loaded) return;
  loaded = "";
  if (bytes.write(id, "hex") < bytes.length) throw new Error(`not 32 hex digits: ${id}`);
  loaded = id;
};

/**
 * Ids are in hex, of 32 digits or more. In arrays of numbers, and not a map: the collector would go through all that are
 * in it again and again, beside the callbacks that come meanwhile.
 */
export const createIdTable = (mostIds: number): IdTable => {
  const slots = 2 ** Math.ceil(Math.log2(mostIds / mostInUse));
  const ids = new Uint32Array(slots * wordsOfId);
  const values = new Float64Array(slots);
  let size = 0;

  const isAt = (slot: number): boolean => {
    const at = slot * wordsOfId;
    return (
      ids[at] === words[0] && ids[at + 1] === words[1] && ids[at + 2] === words[2] && ids[at + 3] === words[3]
    );
  };
  /** Where the id is, or may be put. */
  const slotOf = (id: string): number => {
    load(id);
    let slot = (words[0] ?? 0) % slots;
    while (values[slot] !== 0 && !isAt(slot)) slot = (slot + 1) % slots;
    return slot;
  };

  return {
    size: () => size,
    get: (id) => values[slotOf(id)] ?? 0,
    set: (id, value) => {
      const slot = slotOf(id);
      if (values[slot] === 0) size += 1;
      values[slot] = value;
      ids.set(words, slot * wordsOfId);
    },
  };
};
