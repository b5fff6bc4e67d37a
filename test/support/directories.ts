import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { crc32 } from "node:zlib";
import type { Arrival } from "../../src/core/journal.ts";
import { segmentFileName, segmentHeaderBytes } from "../../src/core/segment.ts";
import { realFiles } from "../../src/io/journal/files.ts";
import { eventually } from "./eventually.ts";
import { eventIdOf, type JournalSetup, mustAppend, openOrFail } from "./journals.ts";

export const newDirectory = async (t: TestContext, parent = tmpdir()): Promise<string> => {
  const directory = await mkdtemp(join(parent, "journal-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
};

/** A journal's place in a folder of its own, which may be moved; the journal makes it. */
export const onDisk = async (t: TestContext) => ({
  files: realFiles,
  directory: join(await newDirectory(t), "journal"),
});

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

type Fill = Partial<JournalSetup> & { readonly settled?: number; readonly released?: number };

/** Appends the arrivals and closes. Kafka has the first `settled` before they are written; the first `released` are done with. */
export const fillJournal = async (
  directory: string,
  arrivals: readonly Arrival[],
  { settled = 0, released = 0, ...setup }: Fill = {},
): Promise<void> => {
  const { journal } = await openOrFail({ ...setup, directory, files: realFiles });
  const readUpTo = async (from: number, to: number): Promise<void> => {
    for (let done = from; done < to;) {
      const batch = await journal.read({ entries: to - done, bytes: 1e6 });
      if (done < settled) for (const entry of batch) entry.settle({ event: "finished" });
      done += batch.length;
    }
  };
  for (const arrival of arrivals.slice(0, settled)) mustAppend(journal, arrival);
  await readUpTo(0, settled);
  const first = join(directory, segmentFileName(1));
  if (settled > 0) await eventually(async () => (await stat(first)).size > segmentHeaderBytes);
  for (const arrival of arrivals.slice(settled)) await journal.stored(mustAppend(journal, arrival));
  await readUpTo(settled, released);
  journal.release(released);
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
