import { compare } from "./compare.ts";
import { describeMachine } from "./machine.ts";
import { type Options, readOptions } from "./options.ts";
import { openPlace, type Place } from "./place.ts";
import { toReport } from "./report.ts";
import { readResults, type Results, withTargets, writeResults } from "./results.ts";

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

const main = async (): Promise<void> => {
  const options = readOptions(process.argv.slice(2));
  if (process.platform !== "linux") throw new Error("CPU time is read from /proc: the bench needs Linux");
  await using place = await openPlace(options);
  let results = readResults(options.out, describeMachine(place));
  results = await runComparison(options, place, results);
  results = withTargets(results);
  await writeResults(options.out, results);
  process.stdout.write(`${toReport(results)}\n`);
};

try {
  await main();
} catch (error) {
  report(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
