import { cursorOf } from "../io/journal/inspection.ts";
import { faultsBeside, lineOf, matters, tell, type Told } from "./findings.ts";
import {
  destinationOf,
  journalsOf,
  placeOf,
  rowsOf,
  type Context,
  type Row,
  type WholeRow,
} from "./records.ts";
import { row as textRow, safeText, timeText } from "./text.ts";

type Chosen = { readonly row: WholeRow; readonly topic: string; readonly key: string | null };

/** What the options say of a record; null when it is not meant. */
const choose = ({ options }: Context, row: Row): Chosen | null => {
  if (row.arrival === null || (!options.all && row.state !== "pending")) return null;
  const destination = destinationOf(row.arrival, options.prefix);
  return options.topic === null || options.topic === destination.topic ? { row, ...destination } : null;
};

async function* chosenOf(context: Context): AsyncGenerator<Chosen | Told> {
  for await (const journal of journalsOf(context)) {
    yield* faultsBeside(journal);
    for await (const one of rowsOf(context, journal, context.options.all ? "oldest" : "cursor")) {
      if (one.kind === "record") {
        const chosen = choose(context, one);
        if (chosen !== null) yield chosen;
      } else if (matters(one, journal)) {
        yield tell(one, cursorOf(journal.seen));
      }
    }
  }
}

/**
 * Gives each record that the options ask for to `take`, until that says false; what is wrong by the way goes to stderr. Returns
 * the exit code.
 */
export const takeChosen = async (
  context: Context,
  take: (chosen: Chosen) => Promise<boolean>,
): Promise<number> => {
  let code = 0;
  for await (const one of chosenOf(context)) {
    if ("row" in one) {
      if (!(await take(one))) break;
    } else {
      code = 1;
      await context.say(`fault: ${lineOf(one)}; see journal verify`);
    }
  }
  return code;
};

const widths = [12, 24, 32, 32, 32, 10, 0];

const textLine = ({ row: record, topic, key }: Chosen): string => {
  const { receivedAt, eventId, source, body } = record.arrival;
  const cells = [placeOf(record), timeText(receivedAt), eventId, topic, key ?? "-", source ?? "-"];
  return textRow([...cells.map(safeText), `${body.length}`], widths);
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
    await context.out.line(textRow(head, widths));
  }
  let shown = 0;
  return takeChosen(context, async (chosen) => {
    await context.out.line(json ? jsonLine(chosen) : textLine(chosen));
    shown += 1;
    return shown < limit && !context.out.isGone();
  });
};
