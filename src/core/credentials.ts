import { createHash, timingSafeEqual } from "node:crypto";
import type { NamedSecret } from "./named-secrets.ts";
import { type Check, headerOf, type Presented } from "./presented.ts";
import { fail, ok } from "./result.ts";

const digestOf = (secret: string | Buffer): Buffer => createHash("sha256").update(secret).digest();

/** Digests are compared, so that neither the place of the first difference nor the length shows in the time taken. */
const createLookUp = (known: readonly NamedSecret[]) => {
  const digests = known.map(({ name, secret }) => [name, digestOf(secret)] as const);
  return (secret: string | Buffer): string | undefined => {
    const digest = digestOf(secret);
    return digests.filter(([, one]) => timingSafeEqual(one, digest))[0]?.[0];
  };
};

const presentedToken = (presented: Presented): string | null => {
  const { query, pathToken } = presented;
  const bearer = /^Bearer +(\S+)$/i.exec(headerOf(presented, "authorization") ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const inQuery = query === "" ? null : new URLSearchParams(query).get("token");
  return inQuery === null || inQuery === "" ? pathToken : inQuery;
};

export const tokenCheck = (tokens: readonly NamedSecret[]): Check => {
  const nameOf = createLookUp(tokens);
  return (presented) => {
    const token = presentedToken(presented);
    if (token === null) return fail("token-missing");
    const name = nameOf(token);
    return name === undefined ? fail("token-mismatch") : ok(name);
  };
};

export const basicCheck = (users: readonly NamedSecret[]): Check => {
  // User and password are one secret: the time taken says nothing of which of them was wrong.
  const nameOf = createLookUp(users.map(({ name, secret }) => ({ name, secret: `${name}:${secret}` })));
  return (presented) => {
    const sent = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(headerOf(presented, "authorization") ?? "")?.[1];
    if (sent === undefined) return fail("basic-missing");
    const name = nameOf(Buffer.from(sent, "base64"));
    return name === undefined ? fail("basic-mismatch") : ok(name);
  };
};
