import { type LocalRegistry, startRegistry } from "../../local/registry.ts";
import type { Authority } from "./authority.ts";

export const registryPassword = "registry-secret";
/** `bridge` may register, `reader` only look up. */
const roles = { bridge: "sr-developer", reader: "sr-readonly" };

/** A registry over TLS that asks for a name and a password. */
export const startSecureRegistry = async (authority: Authority): Promise<LocalRegistry> => {
  const embedded = "-Dquarkus.security.users.embedded";
  return startRegistry({
    tls: await authority.issue("registry"),
    javaOptions: [
      "-Dquarkus.http.auth.basic=true",
      "-Dapicurio.auth.role-based-authorization=true",
      `${embedded}.enabled=true`,
      `${embedded}.plain-text=true`,
      ...Object.entries(roles).flatMap(([name, role]) => [
        `${embedded}.users.${name}=${registryPassword}`,
        `${embedded}.roles.${name}=${role}`,
      ]),
    ],
  });
};
