import { inKeyOrder } from "./recipe-guesses.ts";
import { presets, type Recipe } from "./recipe.ts";
import type { Found } from "./recipe-search.ts";

/** Settings as written, or why none can say it. */
export type Advice = {
  readonly settings: Readonly<Record<string, string>> | null;
  readonly notes: readonly string[];
};

const recipeOf = (found: Found): Recipe | null => {
  const { algorithm, header, timestampHeader, idHeader, template, prefix, several, encoding, keyEncoding } =
    found;
  if (prefix === null || encoding === "base64url") return null;
  const headers = { signatureHeader: header, timestampHeader, idHeader };
  return { algorithm, ...headers, message: template, prefix, several, encoding, keyEncoding };
};

/** A preset takes more than one sample shows: either encoding, one signature where there may be several. */
const isPreset = (recipe: Recipe, preset: Recipe): boolean => {
  const encoding = preset.encoding === "any" ? "any" : recipe.encoding;
  const several = preset.several || recipe.several;
  const seen = new Map<string, unknown>(Object.entries({ ...recipe, encoding, several }));
  return Object.entries(preset).every(([name, value]) => seen.get(name) === value);
};

const key = "name:<the secret>";

const customOf = (recipe: Recipe): Readonly<Record<string, string>> | null =>
  recipe.several || recipe.idHeader !== null
    ? null
    : {
        AUTH: "hmac",
        HMAC_SCHEME: "custom",
        HMAC_ALGORITHM: recipe.algorithm,
        HMAC_SIGNATURE_HEADER: recipe.signatureHeader,
        ...(recipe.timestampHeader !== null && { HMAC_TIMESTAMP_HEADER: recipe.timestampHeader }),
        HMAC_MESSAGE: recipe.message.replaceAll("\n", String.raw`\n`),
        ...(recipe.prefix !== "" && { HMAC_SIGNATURE_PREFIX: recipe.prefix }),
        HMAC_ENCODING: recipe.encoding,
        HMAC_KEY_ENCODING: recipe.keyEncoding,
        HMAC_KEYS: key,
      };

const settingsOf = (found: Found): Readonly<Record<string, string>> | null => {
  const recipe = recipeOf(found);
  if (recipe === null) return null;
  const preset = Object.entries(presets).find(([, one]) => isPreset(recipe, one));
  return preset === undefined ? customOf(recipe) : { AUTH: "hmac", HMAC_SCHEME: preset[0], HMAC_KEYS: key };
};

/** What to set for a match, and what to know about it. */
export const adviceOf = (found: Found, query: string): Advice => {
  const { bodyForm, queryForm, template } = found;
  const settings = settingsOf(found);
  const notes: string[] = [];
  if (settings === null)
    notes.push("no setting can say this: use a token in the address, and report this recipe");
  if (bodyForm !== "raw")
    notes.push(
      `the body must be raw: signed was ${bodyForm}, and not these bytes. If a tool wrote the file anew, the settings hold; if they came so over the network, something in between changes bodies`,
    );
  if (query !== "" && queryForm !== "" && queryForm !== inKeyOrder)
    notes.push(`of the query ${queryForm} was signed, which no setting says: use an address without a query`);
  if (query === "" && template.includes("{query}"))
    notes.push("the query was empty, so how one is signed is not shown: keep the address without a query");
  return { settings, notes };
};
