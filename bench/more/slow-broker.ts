import { startKafka } from "../../local/kafka.ts";
import { openFaultProxy } from "../../test/support/faultProxy.ts";
import type { CandidateName } from "../candidates.ts";
import { runFlatOut, runSteady } from "../run-load.ts";
import { startServer } from "../server.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["usual-way", "memory", "disk-published"];
/** Milliseconds that each answer of the broker is late: about a broker in another zone. */
const delays: readonly number[] = [0, 5];

/** Replies when each answer of the broker takes some time more, through a proxy before a broker of its own. */
export const measureSlowBroker: Measurement = async (options, place, report) => {
  await using proxy = await openFaultProxy();
  await using kafka = await startKafka({
    advertise: (_index, port) => {
      proxy.setTarget({ host: "127.0.0.1", port });
      return proxy.port;
    },
  });
  const figures: Record<string, number> = {};
  for (const name of measured) {
    await using server = await startServer(name, place, { env: { KAFKA_BROKERS: kafka.bootstrap } });
    await runFlatOut({ ...options, warmUpSeconds: 0, seconds: options.warmUpSeconds }, server);
    for (const ms of delays) {
      proxy.delay(ms);
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
    proxy.delay(0);
  }
  return figures;
};
