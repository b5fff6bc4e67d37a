import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CandidateName } from "./candidates.ts";
import type { Machine } from "./machine.ts";
import type { Spread } from "./statistics.ts";
import { drawChart } from "./svg.ts";
import { type TargetOutcome, targetOutcomes } from "./targets.ts";

export type FigureName =
  | "callbacksPerSecond"
  | "cpuMicrosPerCallback"
  | "p50Ms"
  | "p99Ms"
  | "p999Ms"
  | "halfP50Ms"
  | "halfP99Ms"
  | "halfP999Ms"
  | "rssMb"
  | "flatOutP50Ms"
  | "flatOutP99Ms"
  | "coreShare"
  | "writtenBytesPerCallback"
  | "notAcknowledged"
  | "generatorLateMs";

/** One value for each figure that a candidate has. */
export const toFigures = <T>(of: (name: FigureName) => T): Readonly<Record<FigureName, T>> => ({
  /** Acknowledged, flat out. */
  callbacksPerSecond: of("callbacksPerSecond"),
  /** User and system time of the server, flat out. */
  cpuMicrosPerCallback: of("cpuMicrosPerCallback"),
  /** Replies at the steady rate, counted from the intended start. */
  p50Ms: of("p50Ms"),
  p99Ms: of("p99Ms"),
  p999Ms: of("p999Ms"),
  /** The same at half of the rate that it takes flat out. */
  halfP50Ms: of("halfP50Ms"),
  halfP99Ms: of("halfP99Ms"),
  halfP999Ms: of("halfP999Ms"),
  /** Resident, right after the load. */
  rssMb: of("rssMb"),
  flatOutP50Ms: of("flatOutP50Ms"),
  flatOutP99Ms: of("flatOutP99Ms"),
  /** Of one core, used by the server, flat out: well below 1, something else was the limit. */
  coreShare: of("coreShare"),
  writtenBytesPerCallback: of("writtenBytesPerCallback"),
  /** Refused or unanswered, of all that were sent. */
  notAcknowledged: of("notAcknowledged"),
  /** How late the generator was at the steady rate, 99th percentile: a part of the latencies. */
  generatorLateMs: of("generatorLateMs"),
});

export type Figures = Readonly<Record<FigureName, number>>;
/** Medians, and from where to where the rounds went. */
export type Measured = { readonly medians: Figures; readonly spread: Readonly<Record<FigureName, Spread>> };

/** What was asked for, and when. */
export type Occasion = { readonly startedAt: string; readonly command: string };
/** One further measurement. */
export type Section = Occasion & { readonly figures: Readonly<Record<string, number>> };

export type Results = {
  readonly machine: Machine;
  readonly comparison: (Occasion & { readonly rounds: number }) | null;
  readonly candidates: Readonly<Partial<Record<CandidateName, Figures>>>;
  readonly spread: Readonly<Partial<Record<CandidateName, Measured["spread"]>>>;
  readonly more: Readonly<Record<string, Section>>;
  readonly targets: readonly TargetOutcome[];
};

const fileName = "results.json";

/** Of an earlier run: only when it was made on the same machine with the same versions can they stand together. */
export const readResults = (folder: string, machine: Machine): Results => {
  const path = join(folder, fileName);
  const empty: Results = { machine, comparison: null, candidates: {}, spread: {}, more: {}, targets: [] };
  if (!existsSync(path)) return empty;
  const earlier: Results = JSON.parse(readFileSync(path, "utf8"));
  const same = JSON.stringify(earlier.machine) === JSON.stringify(machine);
  return same ? { ...empty, ...earlier } : empty;
};

/** With the targets as these results reach them or not. */
export const withTargets = (results: Results): Results => ({ ...results, targets: targetOutcomes(results) });

export const writeResults = async (folder: string, results: Results): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, fileName), `${JSON.stringify(results, null, 2)}\n`);
  await writeFile(join(folder, "results.svg"), drawChart(results));
};
