import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** Below what systems hand out for outgoing connections: a server that was killed gets its port back at its restart. */
const range = { from: 15_000, to: 32_000 };

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = range.from + Math.floor(Math.random() * (range.to - range.from));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

/** Resolves when nothing accepts connections any more. */
export async function portClosed(port: number): Promise<void> {
  while (await accepts(port)) await pause(20);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const outcome = Promise.race([once(server, "listening"), once(server, "error")]);
  server.listen(port, "127.0.0.1");
  await outcome.catch(() => undefined);
  if (!server.listening) return false;
  server.close();
  await once(server, "close");
  return true;
}

export function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
