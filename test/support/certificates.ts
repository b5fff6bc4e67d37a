import { readFileSync } from "node:fs";
import type { TestContext } from "node:test";
import { openAuthority } from "./authority.ts";

/** PEM texts. */
export type Pair = { readonly cert: string; readonly key: string };

/** An authority whose certificates are had as texts; gone with the test. */
export const createAuthority = async (t: TestContext, name: string) => {
  const authority = await openAuthority(name);
  t.after(() => authority[Symbol.asyncDispose]());
  const issue = async (subject: string): Promise<Pair> => {
    const { certFile, keyFile } = await authority.issue(subject);
    return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
  };
  return { ca: readFileSync(authority.caFile, "utf8"), issue };
};
