import { join } from "node:path";
import { writeMarks, type Mark } from "../io/journal/skipped.ts";
import { exportLine } from "./export.ts";
import { createOutFile } from "./output.ts";
import {
  destinationOf,
  journalsOf,
  mainName,
  placeOf,
  rowsOf,
  type Context,
  type NamedJournal,
  type WholeRow,
} from "./records.ts";

type Match = { readonly row: WholeRow; readonly journal: NamedJournal };

const findMatches = async (context: Context): Promise<readonly Match[]> => {
  const { record } = context.options;
  const matches: Match[] = [];
  for await (const journal of journalsOf(context)) {
    for await (const row of rowsOf(context, journal, "cursor")) {
      if (row.kind !== "record" || row.arrival === null) continue;
      if (row.stamp.eventId !== record && placeOf(row) !== record) continue;
      matches.push({ row, journal });
    }
  }
  return matches;
};

const pick = (record: string, matches: readonly Match[]): Match | string => {
  const pending = matches.filter(({ row }) => row.state === "pending");
  const [only, ...more] = pending;
  if (only === undefined) {
    return matches.length > 0
      ? `${record} is skipped already`
      : `${record} does not wait for Kafka: see journal list`;
  }
  if (more.length === 0) return only;
  const places = pending.map(({ row }) => placeOf(row)).join(", ");
  return `${pending.length} records have this event id: skip one by its place (${places})`;
};

/** Durable before the mark is: a crash in between leaves the record in the queue and in the file. */
const writeRecord = async ({ options }: Context, { row }: Match, path: string): Promise<void> => {
  const file = await createOutFile(path);
  try {
    await file.line(exportLine(row, destinationOf(row.arrival, options.prefix).topic, true));
    await file.finish();
  } catch (error) {
    await file.abandon();
    throw error;
  }
};

const faultyMarks = (directory: string): string =>
  `${join(directory, "skipped")} is damaged: see journal verify`;

/**
 * What waits in a lane has come from the main journal, which remembers it as settled: without a mark there, the same bytes
 * would be taken for a repeat when they are posted again. First, since alone it does no harm.
 */
const markInMain = async (context: Context, eventId: string): Promise<string | null> => {
  for await (const journal of journalsOf(context)) {
    const { directory, marks } = journal.seen;
    if (marks === null) return faultyMarks(directory);
    const same: Mark[] = [];
    for await (const row of rowsOf(context, journal, "oldest")) {
      const isSame = row.kind === "record" && row.state === "settled" && row.stamp.eventId === eventId;
      if (isSame) same.push({ sequence: row.sequence, eventId });
    }
    if (same.length > 0) await writeMarks(context.files, directory, [...marks, ...same]);
    break;
  }
  return null;
};

const skipLocked = async (context: Context, path: string): Promise<string | null> => {
  const { record } = context.options;
  const match = pick(record, await findMatches(context));
  if (typeof match === "string") return match;
  const { row, journal } = match;
  const { directory, marks } = journal.seen;
  if (marks === null) return faultyMarks(directory);
  await writeRecord(context, match, path);
  const fault = journal.name === mainName ? null : await markInMain(context, row.stamp.eventId);
  if (fault !== null) return fault;
  const mark = { sequence: row.sequence, eventId: row.stamp.eventId };
  await writeMarks(context.files, directory, [...marks, mark]);
  await context.say(
    `${placeOf(row)} is in ${path}, secrets included; the bridge passes over it from its next start on`,
  );
  return null;
};

/** One record out of the queue, into a file. Only with the bridge stopped. */
export const skip = async (context: Context): Promise<number> => {
  const { directory, out } = context.options;
  const lock = context.files.lock(join(directory, "lock"));
  const refused =
    lock === null
      ? `a bridge runs on ${directory}: stop it, skip, and start it again`
      : await skipLocked(context, out ?? "").finally(() => lock.release());
  if (refused === null) return 0;
  await context.say(refused);
  return 1;
};
