import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readCallback } from "../core/callback.ts";
import { deadLetterTopic, topicOf } from "../core/catalog.ts";
import type { JournalKey } from "../core/journal-keys.ts";
import type { Arrival } from "../core/journal.ts";
import { codeOf, type Files } from "../io/journal/files.ts";
import { cursorOf, inspectJournal, oldestOf, type JournalSeen } from "../io/journal/inspection.ts";
import { scanJournal, type Finding, type RecordSeen } from "../io/journal/scan.ts";
import type { Options } from "./arguments.ts";
import type { Output } from "./output.ts";

export type Context = {
  readonly options: Options;
  readonly out: Output;
  /** For words that are not the result. */
  readonly say: (text: string) => Promise<void>;
  readonly files: Files;
  readonly keys: readonly JournalKey[];
  readonly clock: () => number;
};

export type NamedJournal = {
  /** `main`, or the topic of a parked lane. */
  readonly name: string;
  readonly seen: JournalSeen;
};

export type State = "pending" | "skipped" | "settled";
type Place = Omit<RecordSeen, "arrival"> & { readonly journal: string };
export type WholeRow = Place & { readonly state: State; readonly arrival: Arrival };
/** Without its arrival: it was in Kafka before it was written, and only its stamp is kept. */
export type Row = WholeRow | (Place & { readonly state: "settled"; readonly arrival: null });
export type Found = Finding & { readonly journal: string };

export const mainName = "main";

/** Where the relay would send it now, and under which key. */
export const destinationOf = (arrival: Arrival, prefix: string): { topic: string; key: string | null } => {
  const callback = arrival.deadLetter === null ? readCallback(arrival.body, "mask") : null;
  if (callback === null || !callback.ok) return { topic: prefix + deadLetterTopic, key: arrival.eventId };
  return { topic: topicOf(callback.value.event, prefix), key: callback.value.key };
};

export const placeOf = ({ journal, sequence }: Row): string => `${journal}:${sequence}`;

/** Null when there is a directory, else what is wrong with it. */
export const faultOfDirectory = async (directory: string): Promise<string | null> => {
  try {
    return (await stat(directory)).isDirectory() ? null : `${directory} is not a directory`;
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") throw error;
    return `there is no ${directory}: set JOURNAL_DIR or --dir to the journal's directory`;
  }
};

/**
 * The main journal, then the lanes: what a running bridge moves from there to here meanwhile is seen twice rather than not at
 * all. Each is looked at when it is asked for.
 */
export async function* journalsOf({ files, keys, options }: Context): AsyncGenerator<NamedJournal> {
  const { directory } = options;
  yield { name: mainName, seen: await inspectJournal({ files, keys, directory }) };
  const parked = join(directory, "parked");
  for (const name of (await files.list(parked)).toSorted()) {
    yield { name, seen: await inspectJournal({ files, keys, directory: join(parked, name) }) };
  }
}

const toRow = (name: string, seen: JournalSeen, one: RecordSeen): Row => {
  const { sequence, stamp, arrival } = one;
  if (arrival === null) return { ...one, arrival, journal: name, state: "settled" };
  return { ...one, arrival, journal: name, state: stateOf(sequence, stamp.eventId, seen) };
};

const stateOf = (sequence: number, eventId: string, seen: JournalSeen): State => {
  const marked = seen.marks?.some((mark) => mark.sequence === sequence && mark.eventId === eventId);
  if (marked === true) return "skipped";
  return sequence < cursorOf(seen) ? "settled" : "pending";
};

/** The records of a journal from its cursor on, or all that it holds, and what is wrong there. */
export async function* rowsOf(
  { files }: Context,
  { name, seen }: NamedJournal,
  from: "cursor" | "oldest",
): AsyncGenerator<Row | Found> {
  const first = from === "cursor" ? cursorOf(seen) : oldestOf(seen);
  for await (const one of scanJournal(files, seen, first)) {
    yield one.kind === "record" ? toRow(name, seen, one) : { ...one, journal: name };
  }
}
