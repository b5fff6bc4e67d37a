import { readdirSync, readFileSync } from "node:fs";

/** What the kernel says about a process. Linux only. */
export type ProcessFigures = {
  /** User and system, of all its threads. */
  readonly cpuSeconds: number;
  /** The same of each thread that is there, by its id. */
  readonly threads: ReadonlyMap<string, number>;
  readonly residentMb: number;
  readonly peakResidentMb: number;
  /** Given to the file system so far. */
  readonly writtenBytes: number;
};

/** Linux gives these in hundredths of a second to every program, whatever the kernel's own clock. */
const ticksPerSecond = 100;

/** The other value for a process that is gone, or whose figures are kept from us. */
const unlessGone = <T>(read: () => T, other: T): T => {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return other;
    throw error;
  }
};

const textOf = (pid: number, file: string): string =>
  unlessGone(() => readFileSync(`/proc/${pid}/${file}`, "utf8"), "");

const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);

const cpuSecondsIn = (stat: string): number => {
  // The second field is the name in brackets, which may hold spaces; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
};

const threadsOf = (pid: number): ReadonlyMap<string, number> => {
  const ids = unlessGone(() => readdirSync(`/proc/${pid}/task`), []);
  return new Map(ids.map((id) => [id, cpuSecondsIn(textOf(pid, `task/${id}/stat`))]));
};

/** All zero for a process that is gone. */
export const figuresOf = (pid: number): ProcessFigures => {
  const status = textOf(pid, "status");
  return {
    cpuSeconds: cpuSecondsIn(textOf(pid, "stat")),
    threads: threadsOf(pid),
    residentMb: numberIn(status, /^VmRSS:\s+(\d+)/m) / 1024,
    peakResidentMb: numberIn(status, /^VmHWM:\s+(\d+)/m) / 1024,
    writtenBytes: numberIn(textOf(pid, "io"), /^write_bytes: (\d+)/m),
  };
};
