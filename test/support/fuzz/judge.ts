import { failures } from "../../../src/core/result.ts";
import type { Heard } from "./connection.ts";
import type { Plan } from "./plan.ts";

/** Each refusal as the bridge must say it, and nothing beside it: of what is not admitted, not why. */
const refusals: ReadonlySet<string> = new Set(
  Object.entries(failures).flatMap(([code, rule]) =>
    rule.handling === "refuse"
      ? [`{"code":"${rule.status}","msg":"${rule.status === 401 ? "unauthenticated" : code}"}`]
      : [],
  ),
);
const success = '{"code":"200","msg":"success"}';

export type Answers = { readonly statuses: readonly number[]; readonly fault: string | null };

type Read = { readonly status: string; readonly headers: string; readonly text: string; readonly to: number };

const head = /HTTP\/1\.1 (\d{3}) [A-Za-z -]+\r\n((?:[\w-]+: [^\r\n]*\r\n)*)\r\n/y;
const body = /\{"code":"(\d{3})","msg":"[a-z-]+"\}/y;

/** Headers that an answer must have. */
const needed: Readonly<Record<string, RegExp>> = { 405: /^allow: POST\r$/im, 503: /^retry-after: \d+\r$/im };

const faultOf = ({ status, headers, text }: Omit<Read, "to">): string | null => {
  if (needed[status]?.test(headers) === false) return `a ${status} without the header that belongs to it`;
  // An answer to HEAD has no body.
  const isOurs = status === "200" ? text === success : text === "" || refusals.has(text);
  return isOurs && (text === "" || text.startsWith(`{"code":"${status}"`))
    ? null
    : `${status} is no answer of ours: ${text}`;
};

/** One answer that begins there; null when none does. */
const readAnswer = (text: string, at: number): Read | null => {
  head.lastIndex = at;
  const [whole, status = "", headers = ""] = head.exec(text) ?? [];
  if (whole === undefined) return null;
  body.lastIndex = at + whole.length;
  const content = body.exec(text)?.[0] ?? "";
  return { status, headers, text: content, to: at + whole.length + content.length };
};

/** Reads whole answers; what else stands there is a fault, unless the connection broke off in it. */
export const answersOf = ({ text, broken, ended }: Heard): Answers => {
  const statuses: number[] = [];
  const isCut = broken || ended === "by us";
  for (let at = 0; at < text.length;) {
    const answer = readAnswer(text, at);
    if (answer === null) {
      const rest = JSON.stringify(text.slice(at, at + 200));
      return { statuses, fault: isCut ? null : `no whole answer: ${rest}` };
    }
    // Its body may have been on the way.
    if (isCut && answer.text === "" && answer.to === text.length) return { statuses, fault: null };
    at = answer.to;
    if (answer.status === "100") continue;
    statuses.push(Number(answer.status));
    const fault = faultOf(answer);
    if (fault !== null) return { statuses, fault };
  }
  return { statuses, fault: null };
};

/** What is wrong with the answers to a plan; null when nothing is. A 503 is always allowed in place of a 200. */
export const judge = (plan: Plan, heard: Heard, { statuses, fault }: Answers): string | null => {
  if (fault !== null) return fault;
  if (heard.ended === "never") return "the connection was not ended, and not all was answered";
  const wrong = plan.statuses.findIndex((wanted, i) => {
    const status = statuses[i];
    return status !== undefined && status !== wanted && !(wanted === 200 && status === 503);
  });
  if (wrong >= 0)
    return `request ${wrong + 1} (${plan.kinds[wrong]}) was answered ${statuses[wrong]}, not ${plan.statuses[wrong]}`;
  // After ten refusals a connection ends, and what stands behind the tenth that was decided has no answer.
  const isGivenUp = plan.statuses.filter((status) => status < 429 && status >= 400).length >= 10;
  const isWhole = !heard.broken && heard.ended === "by it" && !isGivenUp;
  if (isWhole && statuses.length < plan.statuses.length)
    return `${plan.statuses.length} requests got ${statuses.length} answers`;
  if (!plan.open && statuses.length > plan.statuses.length)
    return `${plan.statuses.length} requests got ${statuses.length} answers`;
  return null;
};
