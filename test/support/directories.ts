import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { crc32 } from "node:zlib";
import type { Arrival } from "../../src/core/journal.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { eventIdOf, type JournalSetup, mustAppend, openOrFail } from "./journals.ts";

export const newDirectory = async (t: TestContext, parent = tmpdir()): Promise<string> => {
  const directory = await mkdtemp(join(parent, "journal-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

/** A finished envelope, with what must never be shown. */
export const finishedArrival = (number: number): Arrival => {
  const signer = { userName: "Nguyen Van A", userEmail: "a@example.com", accessCode: `secret-${number}` };
  const payload = { envelopeId: `envelope-${number}`, envelopeStatus: 2, signerList: [signer] };
  const body = Buffer.from(JSON.stringify({ event: "ENVELOPE_FINISH", eventPayload: payload }));
  return {
    eventId: eventIdOf(body),
    receivedAt: 1_700_000_000_000 + number * 1000,
    source: "app",
    body,
    deadLetter: null,
  };
};

/** Appends the arrivals, settles the first `released` of them, and closes. */
export const fillJournal = async (
  directory: string,
  arrivals: readonly Arrival[],
  { released = 0, ...setup }: Partial<JournalSetup> & { readonly released?: number } = {},
): Promise<void> => {
  const { journal } = await openOrFail({ ...setup, directory, files: realFiles });
  for (const arrival of arrivals) await journal.stored(mustAppend(journal, arrival));
  for (let done = 0; done < released;) {
    const batch = await journal.read({ entries: released - done, bytes: 1e6 });
    journal.release(batch.length);
    done += batch.length;
  }
  await journal[Symbol.asyncDispose]();
};

/** Every file with a sum of its bytes, every directory, and when each was last changed. */
export const snapshot = async (directory: string): Promise<readonly string[]> => {
  const names = (await readdir(directory, { recursive: true })).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      const found = await stat(path);
      return `${name} ${found.mtimeMs} ${found.isDirectory() ? "" : crc32(await readFile(path))}`;
    }),
  );
};
