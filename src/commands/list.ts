import { cursorOf } from "../io/journal/inspection.ts";
import { faultsBeside, lineOf, matters, tell, type Told } from "./findings.ts";
import { destinationOf, journalsOf, placeOf, rowsOf, type Context, type Row } from "./records.ts";
import { row, safeText, timeText } from "./text.ts";

type Chosen = { readonly row: Row; readonly topic: string; readonly key: string | null };

/** Gives each record that the options ask for to `take`, until that says false; what is wrong by the way goes to stderr. */
export const chooseRecords = async (
  context: Context,
  take: (chosen: Chosen) => Promise<boolean>,
): Promise<number> => {
  const { all, topic, prefix } = context.options;
  let faults = 0;
  const report = async (fault: Told): Promise<void> => {
    faults += 1;
    await context.say(`fault: ${lineOf(fault)}; see journal verify`);
  };
  for await (const journal of journalsOf(context)) {
    for (const fault of faultsBeside(journal)) await report(fault);
    for await (const one of rowsOf(context, journal, all ? "oldest" : "cursor")) {
      if (one.kind !== "record") {
        if (matters(one, journal)) await report(tell(one, cursorOf(journal.seen)));
        continue;
      }
      if (!all && one.state !== "pending") continue;
      const destination = destinationOf(one.arrival, prefix);
      if (topic !== null && destination.topic !== topic) continue;
      if (!(await take({ row: one, ...destination }))) return faults === 0 ? 0 : 1;
    }
  }
  return faults === 0 ? 0 : 1;
};

const widths = [12, 24, 32, 32, 32, 10, 0];

const textLine = ({ row: record, topic, key }: Chosen): string => {
  const { receivedAt, eventId, source, body } = record.arrival;
  const cells = [placeOf(record), timeText(receivedAt), eventId, topic, key ?? "-", source ?? "-"];
  return row([...cells.map(safeText), `${body.length}`], widths);
};

const jsonLine = ({ row: record, topic, key }: Chosen): string => {
  const { receivedAt, eventId, source, body } = record.arrival;
  return JSON.stringify({
    place: placeOf(record),
    journal: record.journal,
    sequence: record.sequence,
    receivedAt: timeText(receivedAt),
    eventId,
    topic,
    key,
    source,
    bytes: body.length,
  });
};

/** Never a body, a name or a code: only what tells one record from another. */
export const list = async (context: Context): Promise<number> => {
  const { json, limit } = context.options;
  if (!json) {
    const head = ["place", "received", "event id", "topic", "key", "source", "bytes"];
    await context.out.line(row(head, widths));
  }
  let shown = 0;
  return chooseRecords(context, async (chosen) => {
    await context.out.line(json ? jsonLine(chosen) : textLine(chosen));
    shown += 1;
    return shown < limit && !context.out.isGone();
  });
};
