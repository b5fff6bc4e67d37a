/**
 * A worker's thread: receives callbacks, checks them, and answers as the main thread says. It keeps nothing: journal, relay and
 * Kafka are the main thread's, so that a callback has the same order, repeats and limits whichever worker it comes in by.
 */
import { parentPort, workerData } from "node:worker_threads";
import { pino } from "pino";
import packageJson from "../../package.json" with { type: "json" };
import { ingressOptions } from "../callback-port.ts";
import { createAdmission } from "../core/signature.ts";
import { openIngress } from "../io/ingress/ingress.ts";
import { createTelemetry } from "../telemetry.ts";
import { createHandingOver } from "./handing-over.ts";
import type { FromWorker, ToWorker, WorkerData } from "./protocol.ts";

const main = parentPort;
if (main === null) throw new Error("a worker without its main thread");
const { worker, settings, port }: WorkerData = workerData;
const say = (message: FromWorker, transfer: readonly ArrayBuffer[] = []): void =>
  main.postMessage(message, transfer);

const log = pino({ level: settings.logLevel, base: { worker } });
process.removeAllListeners("warning");
process.on("warning", (warning) => log.debug(warning, "warning of Node"));

const telemetry = createTelemetry(log, packageJson.version, Date.now);
const tellFigures = async (kind: "figures" | "closed"): Promise<void> =>
  say({ kind, figures: await telemetry.figures() });
let admit = createAdmission(settings);
const { accept, answered } = createHandingOver({ ...settings, send: say });

const ingress = await openIngress({
  ...ingressOptions(settings, { admit: (presented, now) => admit(presented, now), accept, telemetry }),
  port,
  sharesPort: true,
});

const renew = ({ settings: next, changed }: Extract<ToWorker, { kind: "renew" }>): void => {
  const { tls } = next.network;
  if (changed.includes("admission")) admit = createAdmission(next);
  if (tls !== null && changed.includes("certificates")) ingress.renewCertificates(tls);
};

const close = async (): Promise<void> => {
  await ingress.close();
  await tellFigures("closed");
};

main.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "answers":
      return answered(message);
    case "renew":
      return renew(message);
    case "ask":
      return void tellFigures("figures");
    case "close":
      return void close();
  }
});
say({ kind: "listening" });
