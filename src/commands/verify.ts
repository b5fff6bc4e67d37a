import { cursorOf, inspectJournal, type JournalSeen } from "../io/journal/inspection.ts";
import { faultsBeside, isHarmless, lineOf, tell, type Told } from "./findings.ts";
import { journalsOf, rowsOf, type Context, type Found, type NamedJournal } from "./records.ts";
import { countText, safeText, sizeText, table } from "./text.ts";

type Verified = {
  readonly journal: string;
  readonly cursor: JournalSeen["cursor"];
  readonly segments: number;
  readonly bytes: number;
  readonly records: number;
  readonly pending: number;
  readonly skipped: number;
  readonly damagedFiles: number;
  readonly faults: readonly Told[];
  /** What needs no action. */
  readonly notes: readonly Told[];
};

const verifyJournal = async (context: Context, journal: NamedJournal): Promise<Verified> => {
  const { name, seen } = journal;
  const found: Found[] = [];
  const counts = { records: 0, pending: 0, skipped: 0 };
  for await (const one of rowsOf(context, journal, "oldest")) {
    if (one.kind !== "record") {
      found.push(one);
      continue;
    }
    counts.records += 1;
    if (one.state !== "settled") counts[one.state] += 1;
  }
  // What a running bridge has released and removed meanwhile is not missed.
  const now = found.length === 0 ? seen : await inspectJournal({ ...context, directory: seen.directory });
  const cursor = Math.max(cursorOf(seen), typeof now.cursor === "number" ? now.cursor : 0);
  const notes = found.filter((one) => isHarmless(one, cursor));
  const faults = found.filter((one) => !isHarmless(one, cursor));
  return {
    journal: name,
    cursor: seen.cursor,
    segments: seen.segments.length,
    bytes: seen.segments.reduce((sum, { bytes }) => sum + bytes, 0),
    ...counts,
    damagedFiles: seen.setAside.length,
    faults: [...faultsBeside(journal), ...faults.map((one) => tell(one, cursor))],
    notes: notes.map((one) => tell(one, cursor)),
  };
};

const linesOf = (directory: string, journals: readonly Verified[]): readonly string[] => {
  const rows = journals.map((one) => [
    safeText(one.journal),
    String(one.segments),
    sizeText(one.bytes),
    String(one.records),
    String(one.pending),
    String(one.skipped),
    String(one.cursor),
    String(one.damagedFiles),
  ]);
  const head = ["journal", "segments", "size", "records", "pending", "skipped", "cursor", "damaged/"];
  const faults = journals.flatMap((one) => one.faults);
  return [
    ...table([head, ...rows]),
    ...journals.flatMap(({ notes }) => notes).map((note) => `note: ${lineOf(note)}. ${note.means}`),
    faults.length === 0
      ? `sound: ${directory}`
      : `damaged: ${directory}, ${countText(faults.length, "fault")}`,
    ...faults.flatMap((fault) => [
      `fault: ${lineOf(fault)}`,
      `  means: ${fault.means}`,
      `  to do: ${fault.todo}`,
    ]),
  ];
};

/** Reads every frame of every segment. */
export const verify = async (context: Context): Promise<number> => {
  const { directory, json } = context.options;
  const journals: Verified[] = [];
  for await (const journal of journalsOf(context)) journals.push(await verifyJournal(context, journal));
  const sound = journals.every(({ faults }) => faults.length === 0);
  if (json) await context.out.line(JSON.stringify({ directory, sound, journals }));
  else for (const line of linesOf(directory, journals)) await context.out.line(line);
  return sound ? 0 : 1;
};
