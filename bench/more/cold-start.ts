import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePorts } from "../../local/ports.ts";
import { openTemporaryFolder } from "../../local/temporary-folder.ts";
import { type CandidateName, secret } from "../candidates.ts";
import { sendOnce } from "../load/connection.ts";
import { createRequests } from "../load/requests.ts";
import type { Place } from "../place.ts";
import { spawnServer, startServer } from "../server.ts";
import { median, spreadOf } from "../statistics.ts";
import type { Measurement } from "./measurement.ts";

const measured: readonly CandidateName[] = ["memory", "disk-published"];
const starts = 7;
const withinMs = 30_000;

/** Seconds from the start of the process to its first 200; with `settings`, into a journal that is there already. */
export const firstAnswer = async (
  name: CandidateName,
  place: Place,
  settings: Readonly<Record<string, string>>,
): Promise<number> => {
  const [port = 0] = await freePorts(1);
  const requests = createRequests({ port, secret, bodyBytes: 1024 });
  const begun = performance.now();
  const child = spawnServer(name, place, { env: { ...settings, PORT: String(port) } });
  child.stdout?.resume();
  try {
    for (;;) {
      if ((await sendOnce(port, requests.next())) === 200) return (performance.now() - begun) / 1000;
      if (performance.now() - begun > withinMs) throw new Error(`${name} gave no 200 within 30 s`);
      await pause(2);
    }
  } finally {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
};

/** Kafka and registry are up and have topics and schemas. */
export const measureColdStart: Measurement = async (_options, place, report) => {
  const figures: Record<string, number> = {};
  for (const name of measured) {
    await (await startServer(name, place))[Symbol.asyncDispose]();
    const seconds: number[] = [];
    for (let start = 0; start < starts; start += 1) {
      await using folder = await openTemporaryFolder(join(place.directory, "bench-journal-"));
      const settings = name === "memory" ? {} : { JOURNAL_DIR: folder.path };
      seconds.push(await firstAnswer(name, place, settings));
    }
    const { minimum, maximum } = spreadOf(seconds);
    Object.assign(figures, {
      [`${name}.seconds`]: median(seconds),
      [`${name}.minimumSeconds`]: minimum,
      [`${name}.maximumSeconds`]: maximum,
    });
    report(
      `${name}: first answer after ${median(seconds).toFixed(2)} s (${minimum.toFixed(2)}–${maximum.toFixed(2)})`,
    );
  }
  return figures;
};
