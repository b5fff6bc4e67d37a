import { cursorOf, isPlaced } from "../io/journal/inspection.ts";
import { holderOf, type Holder } from "../io/journal/holder.ts";
import { faultsBeside, lineOf, matters, tell, type Told } from "./findings.ts";
import {
  destinationOf,
  journalsOf,
  mainName,
  rowsOf,
  type Context,
  type NamedJournal,
  type Row,
} from "./records.ts";
import { ageText, countText, safeText, sizeText, table, timeText } from "./text.ts";

type TopicCount = { pending: number; parked: number; oldestAt: number };

type Summary = {
  readonly topics: Map<string, TopicCount>;
  readonly parked: Map<string, number>;
  readonly faults: Told[];
  /** Segments by the id of their key; null: not encrypted. */
  readonly keys: Map<string | null, number>;
  skipped: number;
  bytes: number;
  segments: number;
  damagedFiles: number;
};

const countRow = (summary: Summary, row: Row, prefix: string): void => {
  const { topics, parked } = summary;
  if (row.state !== "pending") {
    if (row.state === "skipped") summary.skipped += 1;
    return;
  }
  const { topic } = destinationOf(row.arrival, prefix);
  const count = topics.get(topic) ?? { pending: 0, parked: 0, oldestAt: Infinity };
  topics.set(topic, count);
  count.pending += 1;
  count.oldestAt = Math.min(count.oldestAt, row.arrival.receivedAt);
  if (row.journal === mainName) return;
  count.parked += 1;
  parked.set(row.journal, (parked.get(row.journal) ?? 0) + 1);
};

const countJournal = async (context: Context, journal: NamedJournal, summary: Summary): Promise<void> => {
  const { seen } = journal;
  summary.bytes += seen.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  summary.segments += seen.segments.length;
  summary.damagedFiles += seen.setAside.length;
  for (const { header } of seen.segments.filter(isPlaced)) {
    const id = header.encryption?.keyId ?? null;
    summary.keys.set(id, (summary.keys.get(id) ?? 0) + 1);
  }
  summary.faults.push(...faultsBeside(journal));
  for await (const one of rowsOf(context, journal, "cursor")) {
    if (one.kind === "record") countRow(summary, one, context.options.prefix);
    else if (matters(one, journal)) summary.faults.push(tell(one, cursorOf(seen)));
  }
};

const totalsOf = ({ topics }: Summary) => {
  const counts = [...topics.values()];
  const oldestAt = Math.min(...counts.map((count) => count.oldestAt));
  return {
    pending: counts.reduce((sum, { pending }) => sum + pending, 0),
    oldestAt: Number.isFinite(oldestAt) ? oldestAt : null,
  };
};

/** An old key may go when nothing here names it any more. */
const keysOf = ({ keys: given }: Context, { keys }: Summary) =>
  [...keys].map(([id, segments]) => ({
    id,
    name: given.find((key) => key.id === id)?.name ?? null,
    segments,
  }));

const keyText = ({ id, name, segments }: ReturnType<typeof keysOf>[number]): string => {
  const by =
    id === null
      ? "not encrypted"
      : `by ${name === null ? "a key that is not given" : safeText(name)} (${id})`;
  return `${countText(segments, "segment")} ${by}`;
};

const toJson = (context: Context, summary: Summary, holder: Holder) => {
  const { options, clock } = context;
  const { pending, oldestAt } = totalsOf(summary);
  return {
    directory: options.directory,
    bridge: {
      running: holder.kind === "unknown" ? null : holder.kind === "process",
      pid: holder.kind === "process" ? holder.pid : null,
    },
    pendingRecords: pending,
    oldestPendingAt: oldestAt === null ? null : timeText(oldestAt),
    oldestPendingSeconds: oldestAt === null ? null : Math.max(0, (clock() - oldestAt) / 1000),
    bytes: summary.bytes,
    segments: summary.segments,
    damagedFiles: summary.damagedFiles,
    keys: keysOf(context, summary),
    skippedRecords: summary.skipped,
    parkedLanes: [...summary.parked].map(([topic, records]) => ({ topic, records })),
    topics: [...summary.topics].map(([topic, count]) => ({
      topic,
      pending: count.pending,
      parked: count.parked,
      oldestPendingAt: timeText(count.oldestAt),
    })),
    faults: summary.faults,
  };
};

const holderText = (holder: Holder): string => {
  if (holder.kind === "process") return `running, process ${holder.pid}`;
  return holder.kind === "none" ? "none seen from here" : "unknown on this system";
};

const linesOf = (context: Context, summary: Summary, holder: Holder): readonly string[] => {
  const { options, clock } = context;
  const keys = keysOf(context, summary).map(keyText);
  const { pending, oldestAt } = totalsOf(summary);
  const age = oldestAt === null ? "" : `, the oldest ${ageText(clock() - oldestAt)} old`;
  const lanes = [...summary.parked].map(([topic, records]) => `${safeText(topic)} (${records})`);
  const topics = [...summary.topics].map(([topic, count]) => [
    topic,
    String(count.pending),
    String(count.parked),
    timeText(count.oldestAt),
  ]);
  return [
    ...table([
      ["journal", options.directory],
      ["bridge", holderText(holder)],
      ["pending", countText(pending, "record") + age],
      ["on disk", `${sizeText(summary.bytes)} in ${countText(summary.segments, "segment")}`],
      ["keys", keys.length === 0 ? "none" : keys.join(", ")],
      ["parked", lanes.length === 0 ? "no topic" : lanes.join(", ")],
      ["skipped", countText(summary.skipped, "record")],
      ["damaged", `${countText(summary.damagedFiles, "file")} kept`],
    ]),
    ...(topics.length === 0 ? [] : ["", ...table([["topic", "pending", "parked", "oldest"], ...topics])]),
    ...summary.faults.map((fault) => `fault: ${lineOf(fault)}; see journal verify`),
  ];
};

export const status = async (context: Context): Promise<number> => {
  const summary: Summary = {
    topics: new Map(),
    parked: new Map(),
    faults: [],
    keys: new Map(),
    skipped: 0,
    bytes: 0,
    segments: 0,
    damagedFiles: 0,
  };
  for await (const journal of journalsOf(context)) await countJournal(context, journal, summary);
  const holder = await holderOf(context.options.directory);
  if (context.options.json) await context.out.line(JSON.stringify(toJson(context, summary, holder)));
  else for (const line of linesOf(context, summary, holder)) await context.out.line(line);
  return summary.faults.length === 0 ? 0 : 1;
};
