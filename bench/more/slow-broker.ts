import { type ProxiedKafka, startProxiedKafka } from "../../test/support/proxiedKafka.ts";
import type { CandidateName } from "../candidates.ts";
import type { Options } from "../options.ts";
import type { Place } from "../place.ts";
import { runFlatOut, runSteady, warmUp } from "../run-load.ts";
import { startServer } from "../server.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["usual-way", "memory", "disk-published"];

/** Five milliseconds more, from the way to the broker, or from the way that records take from there to its replicas. */
const waits: Readonly<Record<string, () => Promise<ProxiedKafka>>> = {
  near: () => startProxiedKafka(1),
  "5ms-away": async () => {
    const kafka = await startProxiedKafka(1);
    for (const proxy of kafka.proxies) proxy.delay(5);
    return kafka;
  },
  "replicas-5ms": () =>
    // A follower's fetch waits for more than ever comes, for as long as it may.
    startProxiedKafka(3, {
      "replica.fetch.min.bytes": `${8 * 1024 * 1024}`,
      "replica.fetch.wait.max.ms": "5",
    }),
};

type Against = { readonly options: Options; readonly place: Place; readonly kafka: ProxiedKafka };

const measureOne = async (name: CandidateName, { options, place, kafka }: Against) => {
  await using server = await startServer(name, place, { env: { KAFKA_BROKERS: kafka.bootstrap.join(",") } });
  await warmUp(options, server);
  const { latency } = await runSteady({ ...options, warmUpSeconds: 1 }, server);
  const { acknowledged, seconds } = await runFlatOut({ ...options, warmUpSeconds: 1 }, server);
  return { p50Ms: latency.p50Ms, p99Ms: latency.p99Ms, callbacksPerSecond: acknowledged / seconds };
};

/** Replies when Kafka takes some time more: a broker in another zone, or one whose replicas are. */
export const measureSlowBroker: Measurement = async (options, place, report) => {
  const figures: Record<string, number> = {};
  for (const [wait, start] of Object.entries(waits)) {
    await using kafka = await start();
    for (const name of measured) {
      const one = await measureOne(name, { options, place, kafka });
      for (const [figure, value] of Object.entries(one)) figures[`${name}.${wait}.${figure}`] = value;
      const { p50Ms, p99Ms, callbacksPerSecond } = one;
      const rate = `${Math.round(callbacksPerSecond)}/s`;
      report(`${name}, ${wait}: p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, ${rate}`);
    }
  }
  return figures;
};
