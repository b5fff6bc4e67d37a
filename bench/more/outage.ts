import { freePorts } from "../../local/ports.ts";
import type { CandidateName } from "../candidates.ts";
import { microsEach, runFlatOut } from "../run-load.ts";
import { startServer } from "../server.ts";
import { median, spreadOf } from "../statistics.ts";
import type { Measurement } from "./measurement.ts";

/** As with a stopped broker, nothing listens where Kafka should be; the registry is up. */
export const measureOutage: Measurement = async (options, place, report) => {
  const [closed = 0] = await freePorts(1);
  const rates = new Map<CandidateName, number[]>([
    ["floor", []],
    ["disk-stored", []],
  ]);
  const micros: number[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const [name, ofName] of rates) {
      await using server = await startServer(name, place, { env: { KAFKA_BROKERS: `127.0.0.1:${closed}` } });
      const load = await runFlatOut(options, server);
      const { acknowledged, seconds } = load;
      ofName.push(acknowledged / seconds);
      if (name === "disk-stored") micros.push(microsEach(load));
      report(
        `round ${round} of ${options.rounds}, ${name} without Kafka: ${Math.round(acknowledged / seconds)}/s`,
      );
    }
  }
  const [floor, stored] = [rates.get("floor") ?? [], rates.get("disk-stored") ?? []];
  return {
    storedPerSecond: median(stored),
    storedPerSecondMinimum: spreadOf(stored).minimum,
    storedPerSecondMaximum: spreadOf(stored).maximum,
    storedCpuMicrosPerCallback: median(micros),
    floorPerSecond: median(floor),
    storedToFloor: median(stored) / median(floor),
  };
};
