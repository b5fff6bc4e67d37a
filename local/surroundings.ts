export type Environment = Readonly<Record<string, string | undefined>>;

/** What the local stack takes from the machine; tests put a poorer machine in its place. */
export interface Surroundings {
  readonly env: Environment;
  /** Folders whose children may be Java installations. */
  readonly javaFolders: readonly string[];
  /** Gets one line for each slow step. */
  readonly report: (line: string) => void;
}

export function thisMachine(): Surroundings {
  return {
    env: process.env,
    javaFolders: ["/usr/lib/jvm", "/Library/Java/JavaVirtualMachines"],
    // Not to stdout: that carries the settings which `npm run stack` prints.
    report: (line) => void process.stderr.write(`${line}\n`),
  };
}
