import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

export const secret = "a-secret-of-the-benchmark-0123456789";

const programOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

type Candidate = {
  readonly title: string;
  readonly program: string;
  /** Settings beside those that all have. A journal on disk gets its folder when the server starts. */
  readonly env: Readonly<Record<string, string>>;
  readonly onDisk: boolean;
};

const bridge = (title: string, env: Candidate["env"], onDisk: boolean): Candidate => ({
  title,
  program: programOf("../src/main.ts"),
  env,
  onDisk,
});

/** What is compared, each a server in a process of its own. */
export const candidates = {
  floor: {
    title: "Fastify, HMAC, JSON.parse, no Kafka",
    program: programOf("servers/floor.ts"),
    env: {},
    onDisk: false,
  },
  "usual-way": {
    title: "Fastify, registry client, one awaited send each",
    program: programOf("servers/usual-way.ts"),
    env: {},
    onDisk: false,
  },
  memory: bridge("bridge, journal in memory", { JOURNAL_DIR: "none" }, false),
  "disk-published": bridge(
    "bridge, journal on disk, 200 when Kafka has it",
    { ACK_AFTER: "published" },
    true,
  ),
  everything: bridge(
    "bridge, as before, with the journal encrypted",
    { ACK_AFTER: "published", JOURNAL_KEY: `bench:${createHash("sha256").update(secret).digest("base64")}` },
    true,
  ),
  "disk-stored": bridge("bridge, journal on disk, 200 when the disk has it", { ACK_AFTER: "stored" }, true),
} as const satisfies Record<string, Candidate>;

export type CandidateName = keyof typeof candidates;

export const candidateNames: readonly CandidateName[] = Object.keys(candidates).filter(
  (name): name is CandidateName => name in candidates,
);
