import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../../src/config.ts";
import { readYaml, type Yaml } from "./yaml.ts";

export const root = join(import.meta.dirname, "..", "..");
export const read = (file: string): string => readFileSync(join(root, file), "utf8");

export const at = (value: Yaml | undefined, ...path: readonly string[]): Yaml => {
  let found: Yaml | undefined = value;
  for (const key of path) {
    found = Object.entries(found !== null && typeof found === "object" ? found : {}).find(
      ([k]) => k === key,
    )?.[1];
  }
  return found ?? null;
};
export const textAt = (value: Yaml, ...path: readonly string[]): string => {
  const found = at(value, ...path);
  assert.ok(typeof found === "string", `${path.join(".")} is missing`);
  return found;
};
export const textsAt = (value: Yaml, ...path: readonly string[]): readonly string[] => {
  const found = at(value, ...path);
  assert.ok(Array.isArray(found), `${path.join(".")} is no list`);
  return found.map(String);
};
export const keysAt = (value: Yaml, ...path: readonly string[]): readonly string[] =>
  Object.keys(at(value, ...path) ?? {});

export const compose = readYaml(read("docker-compose.yml"));
export const services = keysAt(compose, "services");

type Instruction = { readonly name: string; readonly rest: string };
export const instructions: readonly Instruction[] = read("Dockerfile")
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll("\\\n", " ")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => ({ name: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1).trim() }));
export const lastFrom = instructions.findLastIndex(({ name }) => name === "FROM");
export const final = instructions.slice(lastFrom);
export const ofFinal = (name: string): readonly string[] =>
  final.filter((instruction) => instruction.name === name).map(({ rest }) => rest);
export const imageEnv: Environment = Object.fromEntries(
  ofFinal("ENV").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
);

/** As `docker compose` puts variables in; `${NAME:?why}` without a value is an error. */
const interpolate = (text: string, variables: Environment): string =>
  text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (...[, name, mark, other]: string[]) => {
    const value = variables[name ?? ""] ?? "";
    if (value !== "") return value;
    assert.notEqual(mark, "?", `${name}: ${other}`);
    return other ?? "";
  });
/** The environment of the bridge under compose, from the variables of whoever runs it. */
export const bridgeEnv = (variables: Environment): Environment => ({
  ...imageEnv,
  ...Object.fromEntries(
    keysAt(compose, "services", "bridge", "environment").map((name) => [
      name,
      interpolate(textAt(compose, "services", "bridge", "environment", name), variables),
    ]),
  ),
});
