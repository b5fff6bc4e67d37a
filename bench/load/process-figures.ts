import { readFileSync } from "node:fs";

/** What the kernel says about a process. Linux only. */
export type ProcessFigures = {
  /** User and system, of all its threads. */
  readonly cpuSeconds: number;
  readonly residentMb: number;
  readonly peakResidentMb: number;
  /** Given to the file system so far. */
  readonly writtenBytes: number;
};

/** Linux gives these in hundredths of a second to every program, whatever the kernel's own clock. */
const ticksPerSecond = 100;

/** Nothing for a process that is gone, or whose figures are kept from us. */
const textOf = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) return "";
    throw error;
  }
};

const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);

/** All zero for a process that is gone. */
export const figuresOf = (pid: number): ProcessFigures => {
  const stat = textOf(pid, "stat");
  const status = textOf(pid, "status");
  // The second field is the name in brackets, which may hold spaces; user and system time are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    cpuSeconds: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond,
    residentMb: numberIn(status, /^VmRSS:\s+(\d+)/m) / 1024,
    peakResidentMb: numberIn(status, /^VmHWM:\s+(\d+)/m) / 1024,
    writtenBytes: numberIn(textOf(pid, "io"), /^write_bytes: (\d+)/m),
  };
};
