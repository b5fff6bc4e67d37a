import type { CandidateName } from "../candidates.ts";
import type { Options } from "../options.ts";
import { microsEach, runFlatOut } from "../run-load.ts";
import { startServer } from "../server.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["floor", "disk-published"];
const bodies: readonly number[] = [300, 1024, 4096, 32_768];
const connections: readonly number[] = [16, 64, 256, 512];

/** What is varied, one at a time; the first load on each server warms it up for the others. */
const variants = (options: Options): readonly (readonly [string, Options])[] => [
  ...bodies.map((bodyBytes) => [`body-${bodyBytes}`, { ...options, bodyBytes }] as const),
  ...connections.map((count) => [`connections-${count}`, { ...options, connections: count }] as const),
];

/** How rate and CPU time change with the size of callbacks, and with how many connections bring them. */
export const measureGrowth: Measurement = async (options, place, report) => {
  const figures: Record<string, number> = {};
  for (const name of measured) {
    await using server = await startServer(name, place);
    await runFlatOut({ ...options, seconds: 1 }, server);
    for (const [variant, plan] of variants({ ...options, warmUpSeconds: 2 })) {
      const load = await runFlatOut(plan, server);
      const { acknowledged, seconds } = load;
      const micros = microsEach(load);
      figures[`${name}.${variant}.callbacksPerSecond`] = acknowledged / seconds;
      figures[`${name}.${variant}.cpuMicrosPerCallback`] = micros;
      report(
        `${name}, ${variant}: ${Math.round(acknowledged / seconds)}/s, ${micros.toFixed(1)} µs of CPU each`,
      );
    }
  }
  return figures;
};
