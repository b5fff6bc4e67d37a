import { type Entry, entryOf, keep, type Reading, recognise, type Rest, type Table } from "./fields.ts";
import { isObject, type JsonObject, maxDepth, parsedWithin, single, toObject } from "./json.ts";
import { looseBoolean, looseDouble, looseId, looseInt, looseText, looseTime } from "./loose.ts";
import { isSensitive, toSafeSecret, toSafeText } from "./redact.ts";

type Loose<V> = (value: unknown, reading: Reading) => V | undefined;
type ScalarOf<V> = <K extends string>(field: K) => Entry<Record<K, V | null>>;

const scalar =
  <V>(inside: Entry<unknown>["inside"], loose: Loose<V>): ScalarOf<V> =>
  <K extends string>(field: K): Entry<Record<K, V | null>> => ({
    inside,
    take(target, value, reading) {
      const fit = target[field] === null ? loose(value, reading) : undefined;
      if (fit === undefined) return value;
      target[field] = fit;
      return undefined;
    },
  });

const safeText =
  (loose: Loose<string>): Loose<string> =>
  (value, reading) => {
    const text = loose(value, reading);
    return text === undefined ? undefined : toSafeText(text, reading.sensitive);
  };

export const text = scalar("object", safeText(looseText));
/** A text that must name something: an empty one is none. */
export const id = scalar("object", safeText(looseId));
export const int = scalar("object", looseInt);
export const double = scalar("object", looseDouble);
export const boolean = scalar("object", looseBoolean);
export const time = scalar("object", looseTime);
/** An object under it is not looked into: its keys would be the secret's. */
export const secret = scalar("none", (value, reading) => {
  const code = looseText(single(value));
  return code === undefined ? undefined : toSafeSecret(code, reading.sensitive);
});

/** An object whose keys belong to the target of the object that holds it; `plain` takes a scalar in its place. */
export const nested = <T>(table?: Table<T>, plain?: Entry<T>): Entry<T> => ({
  inside: "json",
  ...(table === undefined ? {} : { table }),
  take: (target, value, reading) => (plain === undefined ? value : plain.take(target, value, reading)),
});

/** Marks an entry whose name other things have too. */
export const common = <T>(entry: Entry<T>): Entry<T> => ({ ...entry, common: true });

/** A key that says which event it is: used up when it says what was understood, else left over. */
export const spent = (of: "action" | "module"): Entry<unknown> =>
  common({
    inside: "object",
    take(_target, value, reading) {
      const said = looseText(value);
      return said === reading.action || (of === "module" && said === reading.module) ? undefined : value;
    },
  });

/** How one object is read into an item of its own. */
type Kind<Item> = { readonly table: Table<Item>; create: () => Item };

type Into<Item> = { readonly items: Item[]; readonly reading: Reading };

/** Adds the item that an object describes, if it describes one at all. */
const takeItem = <Item>(value: unknown, kind: Kind<Item>, into: Into<Item>): unknown => {
  const inner = toObject(value);
  if (inner === undefined) return value === null ? undefined : value;
  const { reading } = into;
  const { known } = reading;
  const target = kind.create();
  const left = recognise(value, inner, { table: kind.table, target, reading });
  if (reading.known > known) into.items.push(target);
  return left;
};
/** An object with a table of its own. */
export const one = <K extends string, Item>(field: K, kind: Kind<Item>): Entry<Record<K, Item | null>> => ({
  inside: "none",
  take(target, value, reading) {
    if (target[field] !== null) return value;
    const items: Item[] = [];
    const left = takeItem(value, kind, { items, reading });
    target[field] = items[0] ?? null;
    return left;
  },
});

/** A list of objects; one object stands for a list of one. `name` is that of a list of the document. */
export const list = <K extends string, Item>(
  field: K,
  kind: Kind<Item> & { readonly name?: string },
): Entry<Record<K, Item[]>> => ({
  inside: "none",
  take(target, value, reading) {
    const { name } = kind;
    if (name !== undefined && reading.lists.includes(name)) return value;
    const items = target[field];
    const { length } = items;
    const left = takeItems(value, kind, { items, reading });
    if (name !== undefined && items.length > length) reading.lists.push(name);
    return left;
  },
});

/** Items from a list, a JSON text of one, an object in place of one, or an object that holds one. */
const takeItems = <Item>(value: unknown, kind: Kind<Item>, into: Into<Item>): unknown => {
  const given = parsedWithin(value);
  if (Array.isArray(given)) return takeEach(given, (item) => takeElement(item, kind, into));
  if (!isObject(given)) return value;
  const isItem = Object.keys(given).some((key) => entryOf(kind.table, key) !== undefined);
  return isItem ? takeItem(given, kind, into) : takeWrapped(given, kind, into);
};

/** An element of a list: an item, or a list of items where one level too many was sent. */
const takeElement = <Item>(value: unknown, kind: Kind<Item>, into: Into<Item>): unknown =>
  Array.isArray(value) ? takeEach(value, (item) => takeItem(item, kind, into)) : takeItem(value, kind, into);

const takeEach = (values: readonly unknown[], take: (item: unknown) => unknown): Rest => {
  let rest: Rest;
  for (let index = 0; index < values.length; index += 1)
    rest = keep(rest, String(index), take(values[index]));
  return rest;
};

/** An object that holds the list, or the items by some key of theirs. */
const takeWrapped = <Item>(wrapper: JsonObject, kind: Kind<Item>, into: Into<Item>): unknown => {
  const { reading } = into;
  if (reading.depth >= maxDepth) return wrapper;
  reading.depth++;
  let rest: Rest;
  for (const key of Object.keys(wrapper)) {
    rest = keep(rest, key, isSensitive(key) ? wrapper[key] : takeItems(wrapper[key], kind, into));
  }
  reading.depth--;
  return rest;
};
