import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { runSession, type Session } from "../support/fuzz/session.ts";
import { globalSetup, globalTeardown } from "../support/servers.ts";

const usage = `npm run fuzz -- [--requests N] [--minutes N] [--seed N] [--from N]
  --requests N   about so many (200000)
  --minutes N    for so long, however many that are
  --seed N       the same requests as the run that printed it
  --from N       begins at this connection: with --requests 1 a finding alone`;

const wholeNumber = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} ${text} is no whole number`);
  return value;
};

const optionsOf = () => {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "200000" },
      minutes: { type: "string", default: "0" },
      seed: { type: "string", default: `${randomInt(2 ** 31)}` },
      from: { type: "string", default: "0" },
    },
  });
  return {
    requests: wholeNumber("requests", values.requests),
    minutes: wholeNumber("minutes", values.minutes),
    seed: wholeNumber("seed", values.seed),
    from: wholeNumber("from", values.from),
  };
};

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const countsOf = (counts: ReadonlyMap<string | number, number>): string =>
  [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

const report = ({ tally, seconds, stall, memory, inJournal, inTopics, findings }: Session): void => {
  say(`${tally.requests} requests on ${tally.connections} connections in ${seconds.toFixed(0)} s`);
  say(`kinds: ${countsOf(tally.kinds)}`);
  say(`answers: ${countsOf(tally.statuses)}`);
  say(`signed bodies ${tally.signed.size}, answered 200 ${tally.acknowledged.size}`);
  say(`found in the journal ${inJournal}, in the topics ${inTopics}`);
  say(`the longest time in which nobody was answered: ${stall.toFixed(2)} s`);
  if (memory !== null)
    say(`memory at rest: ${mebibytes(memory.before)} early, ${mebibytes(memory.after)} at the end`);
  for (const finding of findings) say(`FOUND ${finding}`);
  say(`fuzz: ${tally.requests} requests, ${findings.length} findings`);
};

// kafkajs gives Node cause for one on every start.
process.removeAllListeners("warning");

try {
  const { requests, minutes, seed, from } = optionsOf();
  say(`seed ${seed}, from connection ${from}`);
  await globalSetup();
  const until = performance.now() + minutes * 60_000;
  const isOver = (sent: number): boolean => (minutes > 0 ? performance.now() > until : sent >= requests);
  const session = await runSession({ seed, from, isOver });
  report(session);
  process.exitCode = session.findings.length === 0 ? 0 : 1;
} catch (error) {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${usage}\n`,
  );
  process.exitCode = 2;
} finally {
  await globalTeardown();
}
