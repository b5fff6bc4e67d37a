import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { openLink, type Link } from "./faultLink.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface FaultProxyOptions {
  /** May come later, with `setTarget`: a broker must know the proxy's port before it starts. */
  readonly target?: Target;
  /**
   * The server's answers are Kafka's: frames after a length of four bytes. Only then can single ones be swallowed. False
   * for HTTP and TLS.
   */
  readonly framed?: boolean;
}

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** How many are open now. */
  readonly connections: number;
  setTarget(target: Target): void;
  /** Destroys all connections. */
  cut(): void;
  /** From now on, what the server sends arrives that much later, in order. */
  delay(ms: number): void;
  /** The next n answers, of all connections together, never arrive; their requests do. */
  swallowResponses(n: number): void;
  /** The connections of now carry nothing any more, in either direction, and stay open; new ones work. */
  halfOpen(): void;
  /** Whether new connections are destroyed at once. */
  refuse(refusing: boolean): void;
  /**
   * Ends all faults. Half-open connections carry on with what was held back, as after a network failure; `cut` first
   * where that is not wanted.
   */
  heal(): void;
}

/** A TCP proxy on a free port of 127.0.0.1 that misbehaves when told to. */
export async function openFaultProxy(options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const links = new Set<Link>();
  const faults = { delayMs: 0, toSwallow: 0, refusing: false };
  let { target } = options;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (faults.refusing || target === undefined) return void client.destroy();
    const link = openLink(client, { target, faults, framed: options.framed ?? true });
    links.add(link);
    void link.closed.then(() => links.delete(link));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => links.forEach((link) => link.destroy());
  return {
    port: portOf(server),
    get connections() {
      return links.size;
    },
    setTarget: (next) => void (target = next),
    cut,
    delay: (ms) => void (faults.delayMs = ms),
    swallowResponses(n) {
      if (options.framed === false)
        throw new Error("Without frames there are no single responses to swallow");
      faults.toSwallow = n;
    },
    halfOpen: () => links.forEach((link) => link.hold()),
    refuse: (refusing) => void (faults.refusing = refusing),
    heal() {
      Object.assign(faults, { delayMs: 0, toSwallow: 0, refusing: false });
      links.forEach((link) => link.release());
    },
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.close();
      cut();
      await once(server, "close");
    },
  };
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return address.port;
}
