import { readFile } from "node:fs/promises";
import { parseJournalKeys, type JournalKey } from "../core/journal-keys.ts";
import { codeOf, isSystemError } from "../io/journal/files.ts";
import type { Options } from "./arguments.ts";

type Keys = { readonly keys: readonly JournalKey[] } | { readonly fault: string };

const keysIn = (text: string, where: string): Keys => {
  const parsed = parseJournalKeys(text);
  return "value" in parsed ? { keys: parsed.value } : { fault: `${where} ${parsed.wrong}` };
};

/** Of an encrypted journal: from the file that the option or the environment names, else from the environment. */
export const readKeys = async ({ keyFile, keyText }: Options): Promise<Keys> => {
  if (keyFile === null) return keyText === null ? { keys: [] } : keysIn(keyText, "JOURNAL_KEY");
  try {
    return keysIn(await readFile(keyFile, "utf8"), keyFile);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { fault: `the key file cannot be read: ${keyFile}: ${codeOf(error)}` };
  }
};
