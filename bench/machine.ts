import { readFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import type { Place } from "./place.ts";

/** What the figures depend on. Nothing that says whose machine it is. */
export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly pinning: string;
  readonly node: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly kafka: string;
  readonly load: string;
};

type PackageJson = { readonly dependencies: Readonly<Record<string, string>> };

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

const kafkaVersion = (): string => /<kafka\.version>([^<]+)/.exec(read("../local/pom.xml"))?.[1] ?? "";

export const describeMachine = ({ cores, stackStarted }: Place): Machine => {
  const { dependencies }: PackageJson = JSON.parse(read("../package.json"));
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    pinning: cores,
    node: process.version,
    versions: dependencies,
    kafka: stackStarted ? `one broker, Apache Kafka ${kafkaVersion()}, acks -1` : "as given, acks -1",
    load: "own generator on raw sockets (bench/load), all events in both dialects, signed",
  };
};
