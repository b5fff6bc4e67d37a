import { tmpdir } from "node:os";
import { join } from "node:path";
import { registryFolder } from "./artifacts.ts";
import { findJava } from "./java.ts";
import { accepts, freePorts } from "./ports.ts";
import { createServer, type Server } from "./server.ts";
import { thisMachine, type Environment, type Surroundings } from "./surroundings.ts";
import { openTemporaryFolder } from "./temporary-folder.ts";

const oldestJava = 21;
const frugal = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

export interface RegistryOptions {
  /** In memory, a restart forgets all schemas and counts ids from 1 again. */
  readonly storage?: "memory" | "disk";
  /** The level of subjects that have none of their own. */
  readonly compatibility?: string;
  /** PEM files; then it speaks https alone. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly environment?: Environment;
  readonly javaOptions?: readonly string[];
}

export interface LocalRegistry extends Server, AsyncDisposable {
  /** The root of Confluent's API. */
  readonly url: string;
  readonly port: number;
}

/** Apicurio Registry on a loopback port, with data in memory or a temporary folder. */
export async function startRegistry(
  options: RegistryOptions = {},
  around: Surroundings = thisMachine(),
): Promise<LocalRegistry> {
  const [application, java] = [await registryFolder(around), await findJava(around, oldestJava)];
  await using parts = new AsyncDisposableStack();
  const { path: folder } = parts.use(await openTemporaryFolder(join(tmpdir(), "esign-registry-")));
  const [port = 0, management = 0] = await freePorts(2);
  const server = createServer({
    name: "registry",
    command: [
      java.path,
      ...frugal,
      ...(options.javaOptions ?? []),
      "-jar",
      join(application, "quarkus-run.jar"),
    ],
    env: { ...around.env, ...settings(options, { port, management, folder }) },
    logFile: join(folder, "server.log"),
    port,
    probe: () => probe(management, port),
  });
  parts.defer(server.kill);
  await server.start();
  const kept = parts.move();
  const { signal, kill, start, stop } = server;
  return {
    url: `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}/apis/ccompat/v7`,
    port,
    get pid() {
      return server.pid;
    },
    signal,
    kill,
    start,
    stop,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface Place {
  readonly port: number;
  readonly management: number;
  readonly folder: string;
}

function settings(options: RegistryOptions, { port, management, folder }: Place): Environment {
  // At once: by default H2 writes up to 0.5 s after the answer, and kill -9 would lose a schema that has its id.
  const onDisk = { APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(folder, "registry")};WRITE_DELAY=0` };
  return {
    QUARKUS_HTTP_HOST: "127.0.0.1",
    ...(options.tls === undefined ? { QUARKUS_HTTP_PORT: `${port}` } : secured(options.tls, port)),
    // Its own default listens on every address, at port 9000.
    QUARKUS_MANAGEMENT_HOST: "127.0.0.1",
    QUARKUS_MANAGEMENT_PORT: `${management}`,
    QUARKUS_HTTP_ACCESS_LOG_ENABLED: "false",
    // Its own default is NONE, where Confluent's is BACKWARD.
    APICURIO_RULES_GLOBAL_COMPATIBILITY: options.compatibility ?? "BACKWARD",
    ...(options.storage === "disk" ? onDisk : {}),
    ...options.environment,
  };
}

function secured({ certFile, keyFile }: NonNullable<RegistryOptions["tls"]>, port: number): Environment {
  return {
    QUARKUS_HTTP_SSL_PORT: `${port}`,
    QUARKUS_HTTP_SSL_CERTIFICATE_FILES: certFile,
    QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES: keyFile,
    QUARKUS_HTTP_INSECURE_REQUESTS: "disabled",
  };
}

/** At the management port, which stays plain HTTP without a password whatever the options say. */
async function probe(management: number, port: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${management}/health/ready`, {
    signal: AbortSignal.timeout(2_000),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`the registry's health is ${answer.status}`);
  // On a busy machine the port for TLS follows a moment later.
  if (!(await accepts(port))) throw new Error("the registry's own port is not open yet");
}
