import { bareName, isObject, type JsonObject, maxDepth, single, toObject } from "./json.ts";
import { looseId } from "./loose.ts";
import { isSensitive, type Sensitive } from "./redact.ts";

/**
 * Objects as the vendor sends them, read by tables: key → entry. What finds no field comes back as *rest*, at its path,
 * so that a read loses nothing.
 *
 * A value may stand one level too deep: under a known key that should hold a scalar, in a wrapper, in an array of one, in
 * a text that is JSON. What stands where it belongs wins; a field is set once.
 */

/** What was left over, by key; list items by their index. Undefined: nothing. */
export type Rest = JsonObject | undefined;

/** One reading of one payload. */
export type Reading = {
  readonly sensitive: Sensitive;
  /** Texts that have been understood, and carry no news where they are met again. */
  readonly action: string;
  readonly module: string | null;
  /** Lists of the document that have been filled: a second one of the same name is left over. */
  readonly lists: string[];
  /** Known keys met so far: unchanged by a read, it recognised nothing. */
  known: number;
  depth: number;
};

export interface Entry<T> {
  /**
   * Whether an object under this key is read into the same target: `json`, also one written as JSON text; `none`, it is
   * for `take`.
   */
  readonly inside: "none" | "object" | "json";
  /** For the object inside; without it, the same table. */
  readonly table?: Table<T>;
  /** A name that other things have too: it says nothing about the object that holds it. */
  readonly common?: true;
  /** Takes a value that is not null, and returns what is left over of it. */
  take(target: T, value: unknown, reading: Reading): unknown;
}

export interface Table<T> {
  readonly entries: ReadonlyMap<string, Entry<T>>;
  /**
   * Set for the document: whose id its unknown objects must not contradict. They are searched for fields still missing.
   * Elsewhere an unknown object is somebody else: a delegate's address is not the signer's.
   */
  readonly owner?: { readonly key: string; of(target: T): string | null };
}

export type Walk<T> = { readonly table: Table<T>; readonly target: T; readonly reading: Reading };

export const createTable = <T>(
  entries: Readonly<Record<string, Entry<T>>>,
  owner?: Table<T>["owner"],
): Table<T> => {
  const byKey = new Map(Object.entries(entries));
  for (const [key, entry] of Object.entries(entries)) byKey.set(bareName(key), entry);
  return owner === undefined ? { entries: byKey } : { entries: byKey, owner };
};

export const entryOf = <T>(table: Table<T>, key: string): Entry<T> | undefined =>
  table.entries.get(key) ?? table.entries.get(bareName(key));

/** Adds to what is left over, unless there is nothing to add. */
export const keep = (rest: Rest, key: string, left: unknown): Rest => {
  if (left === undefined) return rest;
  // Without a prototype, `__proto__` is a key like any other.
  const kept: Record<string, unknown> = rest ?? Object.create(null);
  kept[key] = left;
  return kept;
};

const isDeferred = <T>(entry: Entry<T>, value: unknown): boolean =>
  value !== null && entry.inside !== "none" && (typeof value === "object" || entry.inside === "json");

const readObject = <T>(source: JsonObject, walk: Walk<T>): Rest => {
  const { known } = walk.reading;
  let rest: Rest;
  let deferred: string[] | undefined;
  for (const key of Object.keys(source)) {
    const value = source[key];
    const entry = entryOf(walk.table, key);
    if (entry !== undefined) walk.reading.known++;
    if (entry === undefined) rest = keep(rest, key, value);
    else if (isDeferred(entry, value)) (deferred ??= []).push(key);
    else if (value !== null) rest = keep(rest, key, entry.take(walk.target, value, walk.reading));
  }
  const recognised = walk.reading.known > known;
  for (const key of deferred ?? []) rest = keep(rest, key, takeInside(key, source[key], walk));
  return rest === undefined ? undefined : readRest(rest, walk, recognised);
};

/** A known key with an object: its keys belong to the same target. */
const takeInside = <T>(key: string, value: unknown, walk: Walk<T>): unknown => {
  const entry = entryOf(walk.table, key);
  if (entry === undefined) return value;
  const only = single(value);
  const inner = entry.inside === "json" ? toObject(only) : only;
  if (!isObject(inner)) return only === null ? undefined : entry.take(walk.target, only, walk.reading);
  return recognise(value, inner, entry.table === undefined ? walk : { ...walk, table: entry.table });
};

/** Reads into the walk's target; below the greatest depth nothing is read. */
const descend = <T>(source: JsonObject, walk: Walk<T>): Rest => {
  if (walk.reading.depth >= maxDepth) return source;
  walk.reading.depth++;
  const rest = readObject(source, walk);
  walk.reading.depth--;
  return rest;
};

/** What is left over of an object; the value as it came when the object told nothing. */
export const recognise = <T>(value: unknown, inner: JsonObject, walk: Walk<T>): unknown => {
  const { known } = walk.reading;
  const rest = descend(inner, walk);
  return rest !== undefined && walk.reading.known === known ? value : rest;
};

/** Looks into what is left over: in the document for missing fields, elsewhere only when no key at all was known. */
const readRest = <T>(rest: JsonObject, walk: Walk<T>, recognised: boolean): Rest => {
  if (recognised && walk.table.owner === undefined) return rest;
  let left: Rest;
  for (const key of Object.keys(rest)) {
    const value = rest[key];
    const inner = entryOf(walk.table, key) === undefined && !isSensitive(key) ? toObject(value) : undefined;
    left = keep(left, key, inner === undefined ? value : recogniseUnknown(value, inner, walk));
  }
  return left;
};

const recogniseUnknown = <T>(value: unknown, inner: JsonObject, walk: Walk<T>): unknown => {
  const { owner } = walk.table;
  const keys = Object.keys(inner);
  if (keys.length === 0) return value;
  if (owner === undefined) return recognise(value, inner, walk);
  if (isForeign(inner, owner.key, owner.of(walk.target))) return value;
  const telling = keys.some((key) => {
    const entry = entryOf(walk.table, key);
    return entry !== undefined && entry.common === undefined;
  });
  return telling ? recognise(value, inner, walk) : searchWrapper(value, inner, walk);
};

/** An object with none but names that anything can have is not the document, but the document may be in it. */
const searchWrapper = <T>(value: unknown, inner: JsonObject, walk: Walk<T>): unknown => {
  const { reading } = walk;
  if (reading.depth >= maxDepth) return value;
  const { known } = reading;
  reading.depth++;
  const rest = readRest(inner, walk, true);
  reading.depth--;
  return reading.known === known ? value : rest;
};

/** True for an object that names another id than the document's: another envelope, say. */
const isForeign = (inner: JsonObject, idKey: string, id: string | null): boolean =>
  id !== null &&
  Object.keys(inner).some((key) => {
    const other = bareName(key) === idKey ? looseId(single(inner[key])) : undefined;
    return other !== undefined && other !== id;
  });
