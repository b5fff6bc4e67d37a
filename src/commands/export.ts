import { parseJsonBytes } from "../core/json.ts";
import { toSafeJson } from "../core/redact.ts";
import { takeChosen } from "./list.ts";
import { createOutFile, type Output } from "./output.ts";
import { placeOf, type Context, type WholeRow } from "./records.ts";
import { countText, timeText } from "./text.ts";

/** Masked as in the topic `unrecognized`; null when it is no JSON, and nothing can be masked in it. */
const maskedBody = (body: Buffer): string | null => {
  const parsed = parseJsonBytes(body);
  return parsed.ok ? toSafeJson(parsed.value, "mask") : null;
};

export const exportLine = (row: WholeRow, topic: string, raw: boolean): string => {
  const { eventId, receivedAt, source, body, deadLetter } = row.arrival;
  return JSON.stringify({
    place: placeOf(row),
    journal: row.journal,
    sequence: row.sequence,
    state: row.state,
    receivedAt: timeText(receivedAt),
    eventId,
    source,
    topic,
    deadLetter,
    bytes: body.length,
    ...(raw ? { bodyBase64: body.toString("base64") } : { body: maskedBody(body) }),
  });
};

const writeAll = async (context: Context, into: Output): Promise<{ code: number; records: number }> => {
  const { raw } = context.options;
  let records = 0;
  const code = await takeChosen(context, async ({ row, topic }) => {
    await into.line(exportLine(row, topic, raw));
    records += 1;
    return !into.isGone();
  });
  return { code, records };
};

export const exportRecords = async (context: Context): Promise<number> => {
  const { raw, out } = context.options;
  if (raw)
    await context.say("careful: with --raw the bodies hold access codes and download links as they came");
  if (out === null) return (await writeAll(context, context.out)).code;
  const file = await createOutFile(out);
  try {
    const { code, records } = await writeAll(context, file);
    await file.finish();
    await context.say(`${countText(records, "record")} in ${out}`);
    return code;
  } catch (error) {
    await file.abandon();
    throw error;
  }
};
