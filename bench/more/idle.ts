import { setTimeout as pause } from "node:timers/promises";
import type { CandidateName } from "../candidates.ts";
import { startServer } from "../server.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["usual-way", "memory", "disk-published"];
/** After a start there is code to compile and garbage to collect. */
const restSeconds = 10;
const seconds = 30;

/** What a server costs to which nobody sends anything: its share of one core. */
export const measureIdle: Measurement = async (_options, place, report) => {
  const figures: Record<string, number> = {};
  for (const name of measured) {
    await using server = await startServer(name, place);
    await pause(restSeconds * 1000);
    const before = server.figures().cpuSeconds;
    await pause(seconds * 1000);
    const share = (server.figures().cpuSeconds - before) / seconds;
    figures[`${name}.coreShare`] = share;
    report(`${name}: ${(share * 100).toFixed(2)} % of a core at rest`);
  }
  return figures;
};
