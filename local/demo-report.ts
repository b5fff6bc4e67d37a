import { type Call, eventIdOf } from "./demo-calls.ts";
import type { Found } from "./demo-records.ts";

export interface Answer {
  readonly call: Call;
  readonly status: number;
  readonly ms: number;
}

export interface Report {
  readonly table: string;
  /** One line for each thing that is not as it must be. */
  readonly problems: readonly string[];
}

const head = [
  "event",
  "dialect",
  "answer",
  "ms",
  "topic",
  "part.",
  "offset",
  "key",
  "decoded by the registry client",
];
/** Numbers stand at the right. */
const atRight = new Set([2, 3, 5, 6]);

/** What was sent beside what came out, one row per call. */
export function toReport(answers: readonly Answer[], found: readonly Found[], prefix: string): Report {
  const byId = Map.groupBy(found, ({ eventId }) => eventId);
  const rows = answers.map((answer) => ({ answer, records: byId.get(eventIdOf(answer.call.body)) ?? [] }));
  const cells = rows.map(({ answer, records }) => cellsOf(answer, records[0]));
  const sent = new Set(answers.map(({ call }) => eventIdOf(call.body)));
  const strangers = found.filter(({ eventId }) => !sent.has(eventId));
  return {
    table: aligned([head, ...cells]),
    problems: [
      ...rows.flatMap(({ answer, records }) => problemsOf(answer, records, prefix)),
      ...strangers.map(({ topic, offset }) => `${topic} at ${offset}: a record that nobody sent`),
    ],
  };
}

function cellsOf({ call, status, ms }: Answer, record: Found | undefined): readonly string[] {
  const sent = [call.event, call.dialect, `${status}`, ms.toFixed(1)];
  if (record === undefined) return [...sent, "–", "–", "–", "–", "in no topic"];
  const { topic, partition, offset, key } = record;
  return [...sent, topic, `${partition}`, offset, key === "" ? "–" : key, highlightsOf(record)];
}

function highlightsOf({ value, reason }: Found): string {
  if (value === null) return `dead letter: ${reason}`;
  const { action, envelopeStatus, taskStatus, reason: told, signer, signers } = value;
  const facts: readonly (readonly [string, unknown])[] = [
    ["status", envelopeStatus ?? taskStatus],
    ["signer", nameOf(signer)],
    ["signers", Array.isArray(signers) && signers.length > 0 ? signers.length : null],
    ["reason", told],
  ];
  const shown = facts.flatMap(([name, fact]) =>
    typeof fact === "string" || typeof fact === "number" ? [`${name}=${fact}`] : [],
  );
  return [String(action), ...shown].join(" ");
}

function nameOf(signer: unknown): unknown {
  return typeof signer === "object" && signer !== null && "userEmail" in signer ? signer.userEmail : null;
}

function problemsOf({ call, status }: Answer, records: readonly Found[], prefix: string): readonly string[] {
  const { event, dialect, expected } = call;
  const problems: string[] = [];
  if (status !== expected.status) problems.push(`answered ${status} instead of ${expected.status}`);
  const topics = records.map(({ topic }) => topic).join(", ") || "no topic";
  const wanted = expected.topic === null ? "no topic" : prefix + expected.topic;
  if (topics !== wanted) problems.push(`found in ${topics} instead of ${wanted}`);
  for (const { value, eventId, reason } of records) {
    if (value === null ? reason === "" : value["eventId"] !== eventId) problems.push("decoded to nonsense");
  }
  return problems.map((problem) => `${event} (${dialect}): ${problem}`);
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return atRight.has(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  const [first = [], ...others] = rows;
  return [line(first), line(widths.map((width) => "─".repeat(width))), ...others.map(line)].join("\n");
}
