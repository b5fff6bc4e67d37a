import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CandidateName } from "./candidates.ts";
import type { Options } from "./options.ts";
import type { Place } from "./place.ts";
import { microsEach, runFlatOut } from "./run-load.ts";
import { startServer } from "./server.ts";

type ProfileNode = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
};
type Profile = {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

const linesShown = 40;

/** The file as a package or as ours, without the machine's folders. */
const placeOf = ({ callFrame: { url, lineNumber } }: ProfileNode): string => {
  const short =
    /(?:node_modules\/|esign[^/]*\/|\/(?=src\/))(.*)$/.exec(url)?.[1] ?? url.split("/").at(-1) ?? "";
  return url === "" ? "(native)" : `${short}:${lineNumber + 1}`;
};

/** A package, or a folder of ours; null for what is Node's own. */
const ownerOf = ({ callFrame: { url } }: ProfileNode): string | null => {
  if (url === "" || url.startsWith("node:")) return null;
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  return found ?? /\/(src\/(?:io\/\w+|\w+))/.exec(url)?.[1] ?? "other";
};

/** What Node does is for whoever called it: a write to a socket for fastify or kafkajs. */
const createGroupOf = ({ nodes }: Profile): ((node: ProfileNode) => string) => {
  const parents = new Map(
    nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  );
  return (node) => {
    const { functionName } = node.callFrame;
    if (/^\((?:idle|program|garbage)/.test(functionName)) return functionName;
    for (let at: ProfileNode | undefined = node; at !== undefined; at = parents.get(at.id)) {
      const owner = ownerOf(at);
      if (owner !== null) return owner;
    }
    return "node (HTTP, promises, timers)";
  };
};

/** Microseconds of self time by name, the most first. */
const selfTimes = (
  { nodes, samples, timeDeltas }: Profile,
  nameOf: (node: ProfileNode) => string,
): readonly (readonly [string, number])[] => {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]));
  const times = new Map<string, number>();
  for (const [index, sample] of samples.entries()) {
    const name = names.get(sample) ?? "?";
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return [...times].filter(([name]) => !name.startsWith("(idle)")).toSorted(([, a], [, b]) => b - a);
};

const toLines = (times: readonly (readonly [string, number])[], callbacks: number): string => {
  const busy = times.reduce((sum, [, time]) => sum + time, 0);
  return times
    .slice(0, linesShown)
    .map(
      ([name, time]) =>
        `${((time * 100) / busy).toFixed(1).padStart(5)} %  ${(time / callbacks).toFixed(2).padStart(6)} µs  ${name}`,
    )
    .join("\n");
};

const functionOf = (node: ProfileNode): string =>
  `${node.callFrame.functionName || "(anonymous)"}  ${placeOf(node)}`;

const profileOne = async (name: CandidateName, options: Options, place: Place): Promise<string> => {
  const folder = join(options.out, `profile-${name}`);
  await mkdir(folder, { recursive: true });
  const nodeArguments = ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=500"];
  const server = await startServer(name, place, { nodeArguments });
  const load = await runFlatOut(options, server);
  const { acknowledgedInAll, acknowledged, seconds } = load;
  await server.end("SIGTERM");
  await server[Symbol.asyncDispose]();
  const file = (await readdir(folder)).toSorted().at(-1) ?? "";
  const profile: Profile = JSON.parse(await readFile(join(folder, file), "utf8"));
  return [
    `${name}: ${Math.round(acknowledged / seconds)}/s under the profiler, ${microsEach(load).toFixed(1)} µs of CPU each; self time per callback, start included`,
    toLines(selfTimes(profile, createGroupOf(profile)), acknowledgedInAll),
    toLines(selfTimes(profile, functionOf), acknowledgedInAll),
  ].join("\n\n");
};

/** Where the time goes: the profiles are in the folder `--out`, for a browser's developer tools. */
export const profile = async (options: Options, place: Place): Promise<string> => {
  const texts: string[] = [];
  for (const name of options.only) texts.push(await profileOne(name, options, place));
  return texts.join("\n\n");
};
