import { readFile, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached } from "./cache.ts";
import { lastLines, run, type Outcome } from "./run.ts";
import type { Surroundings } from "./surroundings.ts";

const pom = fileURLToPath(new URL("pom.xml", import.meta.url));
const megabyte = 1_000_000;

interface Artifact {
  readonly name: string;
  readonly version: string;
  readonly goal: string;
  readonly about: string;
}

export interface Fill {
  readonly folder: string;
  readonly work: () => Promise<void>;
}

/** The folder with Kafka's jars. */
export async function kafkaJars(around: Surroundings): Promise<string> {
  const version = await versionOf("kafka");
  return fetched(around, {
    name: "kafka",
    version,
    goal: "copy-dependencies",
    about: "46 jars, about 44 MB",
  });
}

/** The folder with Apicurio Registry, unpacked: quarkus-run.jar and what belongs to it. */
export async function registryFolder(around: Surroundings): Promise<string> {
  const version = await versionOf("registry");
  return fetched(around, {
    name: "apicurio-registry",
    version,
    goal: "unpack",
    about: "one archive of 159 MB",
  });
}

/** Says what begins, that it still goes on, and how many MB are in the folder in the end. */
export async function reported(around: Surroundings, step: string, fill: Fill): Promise<void> {
  const begun = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - begun) / 1000)} s`;
  around.report(`${step} …`);
  const stillRunning = setInterval(() => around.report(`${step} … ${elapsed()}`), 15_000);
  try {
    await fill.work();
    around.report(`${step}: done, ${await megabytesIn(fill.folder)} MB, ${elapsed()}`);
  } finally {
    clearInterval(stillRunning);
  }
}

async function megabytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / megabyte);
}

async function versionOf(property: string): Promise<string> {
  const found = new RegExp(`<${property}\\.version>(.+)</`).exec(await readFile(pom, "utf8"))?.[1];
  if (found === undefined) throw new Error(`local/pom.xml has no property ${property}.version`);
  return found;
}

function fetched(around: Surroundings, artifact: Artifact): Promise<string> {
  const { name, version, about } = artifact;
  return cached({
    env: around.env,
    name: `${name}-${version}`,
    fill: (draft) =>
      reported(around, `${name} ${version}: Maven fetches ${about}`, {
        folder: draft,
        work: () => maven(around, artifact, draft),
      }),
  });
}

async function maven(around: Surroundings, { name, goal }: Artifact, folder: string): Promise<void> {
  const goals = [`dependency:${goal}`, `-DoutputDirectory=${folder}`];
  const outcome = await run(["mvn", "-B", "-q", "-f", pom, ...goals], around.env);
  if (outcome.ended !== 0) throw new Error(`${name}: ${mavenProblem(outcome)}`);
  await rm(join(folder, ".maven"), { recursive: true, force: true });
}

function mavenProblem({ ended, output }: Outcome): string {
  if (typeof ended === "string" || ended === 127) {
    return "Maven (mvn) is needed once to fetch it and was not found. On Debian: apt-get install maven; on macOS: brew install maven";
  }
  return `Maven ended with ${ended}:\n${lastLines(output, 15)}`;
}
