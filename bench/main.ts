import { compare } from "./compare.ts";
import { describeMachine } from "./machine.ts";
import { measureBacklog } from "./more/backlog.ts";
import { measureColdStart } from "./more/cold-start.ts";
import { measureDuplicates } from "./more/duplicates.ts";
import type { Measurement } from "./more/measurement.ts";
import { measureGrowth } from "./more/growth.ts";
import { measureIdle } from "./more/idle.ts";
import { measureMemory } from "./more/memory.ts";
import { measureOutage } from "./more/outage.ts";
import { measureSlowBroker } from "./more/slow-broker.ts";
import { measureWorkers } from "./more/workers.ts";
import { type Options, readOptions } from "./options.ts";
import { openPlace, type Place } from "./place.ts";
import { profile } from "./profile.ts";
import { toReport } from "./report.ts";
import { readResults, type Results, type Section, withTargets, writeResults } from "./results.ts";
import { rounded } from "./statistics.ts";

// `npm run bench`: progress goes to stderr, tables to stdout, figures to results.json.

const report = (line: string): void => void process.stderr.write(`${line}\n`);

const occasion = () => ({
  startedAt: new Date().toISOString(),
  command: ["npm run bench --", ...process.argv.slice(2)].join(" "),
});

const runComparison = async (options: Options, place: Place, results: Results): Promise<Results> => {
  const when = occasion();
  const measured = [...(await compare(options, place, report))];
  return {
    ...results,
    comparison: { ...when, rounds: options.rounds },
    candidates: Object.fromEntries(measured.map(([name, { medians }]) => [name, medians])),
    spread: Object.fromEntries(measured.map(([name, { spread }]) => [name, spread])),
  };
};

const measurements: Readonly<Record<string, Measurement>> = {
  memory: measureMemory,
  "cold-start": measureColdStart,
  outage: measureOutage,
  backlog: measureBacklog,
  duplicates: measureDuplicates,
  growth: measureGrowth,
  idle: measureIdle,
  workers: measureWorkers,
  "slow-broker": measureSlowBroker,
};

const runMore = async (name: string, options: Options, place: Place): Promise<Section> => {
  const measure = measurements[name];
  if (measure === undefined) throw new Error(`there is no measurement ${name}`);
  const when = occasion();
  const figures = Object.entries(await measure(options, place, report));
  return { ...when, figures: Object.fromEntries(figures.map(([figure, value]) => [figure, rounded(value)])) };
};

const main = async (): Promise<void> => {
  const options = readOptions(process.argv.slice(2));
  const { command, out } = options;
  if (process.platform !== "linux") throw new Error("CPU time is read from /proc: the bench needs Linux");
  await using place = await openPlace(options);
  if (command === "profile") {
    process.stdout.write(`${await profile(options, place)}\n`);
    return;
  }
  let results = readResults(out, describeMachine(place));
  if (command === "compare" || command === "all") results = await runComparison(options, place, results);
  for (const name of Object.keys(measurements)) {
    if (command !== name && command !== "all") continue;
    const section = await runMore(name, options, place);
    results = { ...results, more: { ...results.more, [name]: section } };
  }
  results = withTargets(results);
  await writeResults(out, results);
  process.stdout.write(`${toReport(results)}\n`);
};

try {
  await main();
} catch (error) {
  report(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
