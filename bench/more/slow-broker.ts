import { startProxiedKafka } from "../../test/support/proxiedKafka.ts";
import type { CandidateName } from "../candidates.ts";
import { runFlatOut, runSteady } from "../run-load.ts";
import { startServer } from "../server.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["usual-way", "memory", "disk-published"];
/** Milliseconds that each answer of the broker is late: about a broker in another zone. */
const delays: readonly number[] = [0, 5];

/** Replies when each answer of the broker takes some time more, through a proxy before a broker of its own. */
export const measureSlowBroker: Measurement = async (options, place, report) => {
  await using kafka = await startProxiedKafka(1);
  const delay = (ms: number): void => kafka.proxies.forEach((proxy) => proxy.delay(ms));
  const figures: Record<string, number> = {};
  for (const name of measured) {
    await using server = await startServer(name, place, {
      env: { KAFKA_BROKERS: kafka.bootstrap.join(",") },
    });
    await runFlatOut({ ...options, warmUpSeconds: 0, seconds: options.warmUpSeconds }, server);
    for (const ms of delays) {
      delay(ms);
      const { latency } = await runSteady({ ...options, warmUpSeconds: 1 }, server);
      const { acknowledged, seconds } = await runFlatOut({ ...options, warmUpSeconds: 1 }, server);
      const of = `${name}.${ms}ms`;
      figures[`${of}.p50Ms`] = latency.p50Ms;
      figures[`${of}.p99Ms`] = latency.p99Ms;
      figures[`${of}.callbacksPerSecond`] = acknowledged / seconds;
      report(
        `${name}, ${ms} ms more: p50 ${latency.p50Ms.toFixed(1)} ms, p99 ${latency.p99Ms.toFixed(1)} ms, ` +
          `${Math.round(acknowledged / seconds)}/s`,
      );
    }
    delay(0);
  }
  return figures;
};
