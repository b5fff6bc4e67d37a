import { segmentVersion } from "../core/segment.ts";
import { cursorOf } from "../io/journal/inspection.ts";
import type { Finding } from "../io/journal/scan.ts";
import { mainName, type Found, type NamedJournal } from "./records.ts";
import { countText } from "./text.ts";

/** A finding in words. */
export type Told = {
  readonly journal: string;
  readonly file: string;
  readonly what: string;
  readonly means: string;
  readonly todo: string;
};

type Words = Pick<Told, "means" | "todo">;

const lookAtDisk = "Check the disk's health (dmesg, SMART), and keep a copy of the directory.";
const startBridge =
  "Start the bridge: it keeps the bytes in damaged/, logs them and delivers everything else.";

const lostWords = (lost: number): Words =>
  lost === 0
    ? { means: "No record that waits for Kafka is lost.", todo: lookAtDisk }
    : {
        means: `${countText(lost, "record")} that waited for Kafka cannot be read here; all others can.`,
        todo: `${startBridge} ${lookAtDisk} A copy or backup of this directory may still have them.`,
      };

const wordsOf = (one: Finding, lost: number): Words => {
  switch (one.kind) {
    case "damage":
    case "tail":
    case "missing":
      return lostWords(lost);
    case "header":
      return {
        means: "Without its header nothing in this file can be told from noise.",
        todo: `Copy the directory. The bridge starts all the same, and moves this file to damaged/. ${lookAtDisk}`,
      };
    case "foreign":
      return {
        means: "It begins with an earlier record than the file before it: another journal has left it here.",
        todo: "Find out who put it there. The bridge starts all the same, and moves this file to damaged/.",
      };
    case "version":
      return {
        means: "A newer bridge wrote it. This one cannot read it, and will not start on it.",
        todo: "Start the newer version, and let it publish all that waits before you go back.",
      };
    case "refused":
      return {
        means: `The system does not give out this file (${one.code}).`,
        todo: "Use the bridge's own user, and look at the disk's health.",
      };
    case "key":
      return {
        means:
          "Nothing is damaged; without that key its records cannot be read, and the bridge will not start on it.",
        todo: "Give the file with all keys: JOURNAL_KEY_FILE, or --key-file.",
      };
    case "stub":
      return { means: "A crash right after its creation left it; it held nothing.", todo: "Nothing." };
  }
};

const recordsText = ({ from, to }: Finding): string =>
  to > from + 1 ? `records ${from} to ${to - 1}` : `record ${from}`;

const whats: Record<Finding["kind"], (one: Finding, among: string) => string> = {
  damage: ({ bytes, at }, among) => `${countText(bytes, "byte")} at ${at} cannot be read${among}`,
  tail: ({ bytes, at }, among) =>
    `${countText(bytes, "byte")} at ${at}, behind the last good record, are none${among}`,
  missing: (one) => `${recordsText(one)} missing`,
  header: () => "both copies of its header are damaged",
  stub: () => "is shorter than a header",
  version: ({ code }) => `has format version ${code}, and this program knows only ${segmentVersion}`,
  key: ({ code }) => `is encrypted with the key whose id is ${code}, which is not given`,
  foreign: () => "is not of the same journal as the file before it",
  refused: ({ code }) => `cannot be read: ${code}`,
};

const whatOf = (one: Finding): string =>
  whats[one.kind](one, one.to > one.from ? ` (${recordsText(one)})` : "");

/** How many records that wait are lost with it. */
const lostWith = ({ from, to }: Finding, cursor: number): number => Math.max(0, to - Math.max(from, cursor));

/** A power cut, a kill or a full disk leaves such things, and nobody misses what is not there. */
export const isHarmless = (one: Finding, cursor: number): boolean =>
  one.kind === "stub" || ((one.kind === "tail" || one.kind === "missing") && lostWith(one, cursor) === 0);

export const tell = (one: Found, cursor: number): Told => ({
  journal: one.journal,
  file: one.file,
  what: whatOf(one),
  ...wordsOf(one, lostWith(one, cursor)),
});

/** What is wrong beside the segments. */
export const faultsBeside = ({ name: journal, seen }: NamedJournal): readonly Told[] => {
  const faults: Told[] = [];
  if (seen.cursor === "damaged" || (seen.cursor === "none" && seen.segments.length > 0)) {
    faults.push({
      journal,
      file: "cursor",
      what: seen.cursor === "none" ? "is missing" : "is damaged",
      means: "The bridge begins with the oldest record again: duplicates, no loss.",
      todo: `Start the bridge: it writes a new one. Ids tell consumers of duplicates. ${lookAtDisk}`,
    });
  }
  if (seen.marks === null) {
    faults.push({
      journal,
      file: "skipped",
      what: "is damaged",
      means: "Records that were skipped are published after all.",
      todo: "With the bridge stopped, move this file away and skip them again.",
    });
  }
  return faults;
};

export const lineOf = ({ journal, file, what }: Told): string =>
  `${journal === mainName ? "" : `parked/${journal}/`}${file} ${what}`;

/** Of what was come upon by the way: only what concerns records that wait. */
export const matters = (one: Finding, { seen }: NamedJournal): boolean =>
  !isHarmless(one, cursorOf(seen)) && (one.kind !== "damage" || one.to > cursorOf(seen));
