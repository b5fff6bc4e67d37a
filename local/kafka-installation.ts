import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { kafkaJars, reported } from "./artifacts.ts";
import { cached } from "./cache.ts";
import { findJava } from "./java.ts";
import type { Command } from "./run.ts";
import type { Surroundings } from "./surroundings.ts";

const oldestJava = 17;
const archiveName = "classes.jsa";
/** Starts soon and stays small, at the price of peak throughput: C1 alone, and one thread for the collector. */
const frugal = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/** Makes a command of a main class and its arguments. */
export type KafkaJava = (javaOptions: readonly string[], main: readonly string[]) => Command;

/** Starts one broker with these Java options and stops it gracefully. */
export type Rehearsal = (java: KafkaJava, javaOptions: readonly string[]) => Promise<void>;

/**
 * Kafka's jars, a Java, and an archive of loaded classes (AppCDS), which halves the start. The archive comes from
 * one rehearsal per version of Java; a Java that cannot make one leaves its cache entry empty and goes without.
 */
export async function installKafka(around: Surroundings, rehearse: Rehearsal): Promise<KafkaJava> {
  const jars = await kafkaJars(around);
  const java = await findJava(around, oldestJava);
  // Sorted, since an archive is valid only for the class path that it was made with.
  const names = (await readdir(jars)).toSorted();
  const classPath = names.map((name) => join(jars, name)).join(delimiter);
  const plain: KafkaJava = (options, main) => [java.path, ...frugal, ...options, "-cp", classPath, ...main];
  const archives = await cached({
    env: around.env,
    name: `${basename(jars)}-classes-java-${java.version.replaceAll(/[^\w.-]/g, "_")}`,
    fill: (draft) =>
      reported(around, `${basename(jars)}: one rehearsal, so that later starts are fast`, {
        folder: draft,
        work: () => rehearse(plain, [`-XX:ArchiveClassesAtExit=${join(draft, archiveName)}`]),
      }),
  });
  const archive = join(archives, archiveName);
  if (!existsSync(archive)) return plain;
  return (options, main) => plain([`-XX:SharedArchiveFile=${archive}`, ...options], main);
}
