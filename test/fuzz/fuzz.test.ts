import assert from "node:assert/strict";
import { test } from "node:test";
import { createTally, fuzz } from "../support/fuzz/run.ts";
import { judge, answersOf } from "../support/fuzz/judge.ts";
import { knownKinds } from "../support/fuzz/requests.ts";
import { oddKinds } from "../support/fuzz/odd.ts";
import { type Plan, planOf } from "../support/fuzz/plan.ts";
import { runSession } from "../support/fuzz/session.ts";
import { openTestIngress } from "../support/ingress.ts";

// Few requests, in every run of the tests; `npm run fuzz` sends as many as one likes.

const seed = 20_251_125;

test("P1, P2, P5, P9: whatever comes to its port, the bridge answers as it should, keeps only what was signed and goes on", async (t) => {
  const { tally, findings, inTopics, stall } = await runSession({
    seed,
    from: 0,
    isOver: (sent) => sent >= 6000,
  });
  assert.deepEqual(findings, []);
  assert.ok(inTopics > 500 && tally.acknowledged.size > 500);
  const statuses = [200, 400, 401, 404, 405, 415, 431];
  assert.deepEqual(
    statuses.filter((status) => !tally.statuses.has(status)),
    [],
    "it was not all refused at the door",
  );
  t.diagnostic(`${tally.requests} requests, ${inTopics} in Kafka, longest stall ${stall.toFixed(2)} s`);
});

const bytesOf = ({ pieces }: Plan): string => Buffer.concat(pieces).toString("latin1");

test("the same seed makes the same requests, another one others, and every kind has its turn", () => {
  const plans = Array.from({ length: 2000 }, (_, index) => planOf(seed, index));
  for (const plan of plans.slice(0, 50)) {
    assert.equal(bytesOf(planOf(seed, plan.index)), bytesOf(plan));
    assert.notEqual(bytesOf(planOf(seed + 1, plan.index)), bytesOf(plan));
  }
  const seen = new Set(plans.flatMap(({ kinds }) => kinds));
  for (const kind of Object.keys({ ...knownKinds, ...oddKinds })) assert.ok(seen.has(kind), kind);
});

const isOver = (sent: number): boolean => sent >= 1000;

test("a bridge that admits everyone is found out", async (t) => {
  const { port } = await openTestIngress(t, { bodyLimitBytes: 1024 * 1024 });
  const tally = createTally();
  await fuzz({ port, seed, from: 0, isOver }, tally);
  assert.ok(tally.findings.some((finding) => finding.includes("was answered 200, not 401")));
});

test("what is no answer of ours, or stands in another's place, is found out", () => {
  const plan = { ...planOf(seed, 0), kinds: ["signed"], statuses: [200], open: false };
  const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{"code":"200","msg":"success"}';
  const texts: readonly (readonly [text: string, fault: RegExp | null])[] = [
    [ok, null],
    [ok.replace("success", "successful"), /no answer of ours/],
    [ok.replace("200 OK", "500 Internal Server Error"), /500 is no answer of ours/],
    [ok + ok, /1 requests got 2 answers/],
    [`${ok}x`, /no whole answer/],
    ["", /1 requests got 0 answers/],
    ['HTTP/1.1 401 Unauthorized\r\n\r\n{"code":"401","msg":"signature-mismatch"}', /no answer of ours/],
    ['HTTP/1.1 401 Unauthorized\r\n\r\n{"code":"401","msg":"unauthenticated"}', /answered 401, not 200/],
    ['HTTP/1.1 503 Service Unavailable\r\n\r\n{"code":"503","msg":"closing"}', /without the header/],
  ];
  for (const [text, fault] of texts) {
    const heard = { text, ended: "by it", broken: false } as const;
    const found = judge(plan, heard, answersOf(heard));
    if (fault === null) assert.equal(found, null);
    else assert.match(found ?? "", fault, text);
  }
});
