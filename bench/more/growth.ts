import type { CandidateName } from "../candidates.ts";
import type { Options } from "../options.ts";
import { microsEach, runFlatOut, warmUp } from "../run-load.ts";
import { type Server, startServer } from "../server.ts";
import { median } from "../statistics.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["floor", "disk-published"];
const bodies: readonly number[] = [300, 1024, 4096, 32_768];
const connections: readonly number[] = [16, 64, 256, 512];
/** Seconds in front of each round, since a server must get used to another size. */
const settleSeconds = 1;
const roundsAtMost = 3;

/** What is varied, one at a time. */
const variants = (options: Options): readonly (readonly [string, Options])[] => [
  ...bodies.map((bodyBytes) => [`body-${bodyBytes}`, { ...options, bodyBytes }] as const),
  ...connections.map((count) => [`connections-${count}`, { ...options, connections: count }] as const),
];

type Round = { readonly perSecond: number; readonly micros: number };

/** How rate and CPU time change with the size of callbacks, and with how many connections bring them; in alternating rounds. */
export const measureGrowth: Measurement = async (options, place, report) => {
  await using stack = new AsyncDisposableStack();
  const servers: (readonly [CandidateName, Server])[] = [];
  for (const name of measured) {
    const server = stack.use(await startServer(name, place));
    await warmUp(options, server);
    servers.push([name, server]);
  }
  const figures: Record<string, number> = {};
  for (const [variant, plan] of variants({ ...options, warmUpSeconds: settleSeconds })) {
    const rounds = new Map<CandidateName, Round[]>(measured.map((name) => [name, []]));
    for (let round = 0; round < Math.min(options.rounds, roundsAtMost); round += 1) {
      for (const [name, server] of servers) {
        const load = await runFlatOut(plan, server);
        rounds.get(name)?.push({ perSecond: load.acknowledged / load.seconds, micros: microsEach(load) });
      }
    }
    for (const [name, ofName] of rounds) {
      const perSecond = median(ofName.map((round) => round.perSecond));
      const micros = median(ofName.map((round) => round.micros));
      figures[`${name}.${variant}.callbacksPerSecond`] = perSecond;
      figures[`${name}.${variant}.cpuMicrosPerCallback`] = micros;
      report(`${name}, ${variant}: ${Math.round(perSecond)}/s, ${micros.toFixed(1)} µs of CPU each`);
    }
  }
  return figures;
};
