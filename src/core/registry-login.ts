/** Null: the registry asks for none. */
export type RegistryLogin =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "bearer"; readonly token: string }
  | null;

export const authorizationOf = (auth: RegistryLogin): string | null => {
  if (auth === null) return null;
  if (auth.kind === "bearer") return `Bearer ${auth.token}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
};

/** A proxy's error page may repeat what was sent to it. */
export const withoutSecrets = (body: string, auth: RegistryLogin): string => {
  const secret = auth?.kind === "basic" ? auth.password : auth?.token;
  const sent = authorizationOf(auth)?.split(" ")[1];
  return [secret, sent].reduce<string>(
    (text, hidden) => (hidden === undefined || hidden === "" ? text : text.replaceAll(hidden, "***")),
    body,
  );
};
