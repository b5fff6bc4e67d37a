import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import packageJson from "../package.json" with { type: "json" };
import { read, root } from "./support/containerFiles.ts";

// What the bridge is made of, and what of it may run where: held against lists that a reviewer sees change.

type Locked = {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
};
const { packages }: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(
  read("package-lock.json"),
);
const locked = Object.entries(packages).filter(([path]) => path !== "");
const production = locked.filter(([, { dev }]) => dev !== true);
const nameOf = (path: string): string => path.slice(path.lastIndexOf("node_modules/") + 13);
const sorted = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();

const listed = readFileSync(join(root, "test/fixtures/production-packages.txt"), "utf8")
  .trimEnd()
  .split("\n");

/** By name, and why it may be skipped: `npm ci --ignore-scripts` is how the image is built. */
const skippedScripts: Readonly<Record<string, string>> = {
  protobufjs: "only warns when a package asks for it by another range of versions; builds nothing",
};

test("every version is exact: of packages, of images, and of what the tests' Python brings", () => {
  const versions = { ...packageJson.dependencies, ...packageJson.devDependencies };
  for (const [name, version] of Object.entries(versions)) assert.match(version, /^\d+\.\d+\.\d+$/, name);
  for (const [, image = ""] of read("docker-compose.yml").matchAll(/^ +image: (\S+)$/gm))
    assert.match(image, /:v?\d+\.\d+\.\d+$/);
  assert.doesNotMatch(read(".ci/run"), /pip install[^\n]* fastavro(?!==\d)/);
});

test("the lock file says what each package must hash to, and no address to fetch it from", () => {
  for (const [path, { integrity, resolved }] of locked) {
    assert.match(integrity ?? "", /^sha512-/, path);
    assert.equal(resolved, undefined, path);
  }
});

test("P5: production holds the packages that are listed, and no other", () => {
  assert.deepEqual(sorted(production.map(([path]) => nameOf(path))), sorted(listed));
});

test("P5: production needs no install script; those there are, are skipped for a reason", () => {
  const withScripts = production.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  assert.deepEqual(
    withScripts.map(([path]) => nameOf(path)),
    Object.keys(skippedScripts),
  );
});

/** Types without a line of code: npm leaves out of the list what our own tools ask for too. */
const leftOut = ["@types/node", "undici-types"];

test("npm run sbom lists each package of production with its version and hash, without a network", async () => {
  const run = promisify(execFile);
  const { stdout } = await run("npm", ["run", "--silent", "sbom", "--offline"], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024,
  });
  const bom: {
    readonly bomFormat: string;
    readonly components: readonly { readonly purl: string; readonly hashes: readonly unknown[] }[];
  } = JSON.parse(stdout);
  assert.equal(bom.bomFormat, "CycloneDX");
  const wanted = production
    .filter(([path]) => !leftOut.includes(nameOf(path)))
    .map(([path, { version }]) => `pkg:npm/${nameOf(path)}@${version ?? ""}`);
  assert.deepEqual(sorted(bom.components.map(({ purl }) => decodeURIComponent(purl))), sorted(wanted));
  for (const { purl, hashes } of bom.components) assert.equal(hashes.length, 1, purl);
});

test("SECURITY.md names tests that there are", () => {
  const named = sorted(read("SECURITY.md").match(/test\/[\w./-]+\.test\.ts/g) ?? []);
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((file) => !existsSync(join(root, file))),
    [],
  );
});
