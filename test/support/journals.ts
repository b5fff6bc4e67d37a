import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Arrival, Entry, Journal } from "../../src/core/journal.ts";
import { openDiskJournal, type DiskJournal } from "../../src/io/journal/journal.ts";
import type { Files } from "../../src/io/journal/files.ts";
import type { Damage, DiskJournalOptions } from "../../src/io/journal/options.ts";

export const eventIdOf = (body: Buffer): string =>
  createHash("sha256").update(body).digest("hex").slice(0, 32);

/** A callback that can be told from every other one, and checked as a whole. */
export const arrivalOf = (number: number, bytes = 100, source: string | null = "app"): Arrival => {
  const body = Buffer.alloc(bytes, `${number} `);
  return { eventId: eventIdOf(body), receivedAt: 1_700_000_000_000 + number, source, body, deadLetter: null };
};

/** What `bodiesOf` says of the first so many arrivals. */
export const numbersTo = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i + 1}`);

export const arrivalsTo = (count: number, bytes?: number): Arrival[] =>
  numbersTo(count).map((number) => arrivalOf(Number(number), bytes));

export const mustAppend = (journal: Journal, arrival: Arrival): Entry => {
  const appended = journal.append(arrival);
  assert.ok(appended.ok, JSON.stringify(appended));
  return appended.value;
};

export const bodiesOf = (entries: readonly Entry[]): string[] =>
  entries.map(({ arrival }) => arrival.body.toString("latin1").split(" ", 1)[0] ?? "");

/** Everything that is left, without waiting; the journal is closed afterwards. */
export const readAll = async (journal: Journal): Promise<Entry[]> => {
  journal.close();
  const all: Entry[] = [];
  for (;;) {
    const batch = await journal.read({ entries: 100, bytes: 1024 * 1024 });
    if (batch.length === 0) return all;
    all.push(...batch);
  }
};

/** What a journal told its owner. */
export type Told = {
  synced: number;
  recovered: number;
  cursorLost: number;
  missing: number;
  readonly failed: string[];
  readonly damaged: Damage[];
};

export const listener = (): { readonly told: Told; readonly on: DiskJournalOptions["on"] } => {
  const told: Told = { synced: 0, recovered: 0, cursorLost: 0, missing: 0, failed: [], damaged: [] };
  const on = {
    synced: () => void (told.synced += 1),
    recovered: () => void (told.recovered += 1),
    cursorLost: () => void (told.cursorLost += 1),
    missing: (records: number) => void (told.missing += records),
    failed: (step: string, code: string) => void told.failed.push(`${step} ${code}`),
    damaged: (damage: Damage) => void told.damaged.push(damage),
  };
  return { told, on };
};

export type JournalSetup = Partial<Omit<DiskJournalOptions, "files" | "on">> & { readonly files: Files };

export const tryOpen = async (setup: JournalSetup) => {
  const { told, on } = listener();
  const opened = await openDiskJournal({
    directory: "/journal",
    maxBytes: 64 * 1024 * 1024,
    minFreeBytes: 0,
    segmentBytes: 1024 * 1024,
    memoryBytes: 1024 * 1024,
    retentionMs: 3_600_000,
    retentionBytes: 64 * 1024 * 1024,
    retentionRecords: 400_000,
    syncIntervalMs: 1000,
    keys: [],
    clock: Date.now,
    on,
    ...setup,
  });
  return { opened, told };
};

export const openOrFail = async (
  setup: JournalSetup,
): Promise<{ readonly journal: DiskJournal; readonly told: Told }> => {
  const { opened, told } = await tryOpen(setup);
  assert.ok(opened.ok, JSON.stringify(opened));
  return { journal: opened.value, told };
};
