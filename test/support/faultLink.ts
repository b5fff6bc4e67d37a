import { connect, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { createFrameFilter } from "./frameFilter.ts";

/** Changed by the proxy while connections are open. */
export interface Faults {
  delayMs: number;
  toSwallow: number;
}

export interface LinkOptions {
  readonly target: { readonly host: string; readonly port: number };
  readonly faults: Faults;
  readonly framed: boolean;
}

/** One connection through the proxy. */
export interface Link {
  readonly closed: Promise<void>;
  destroy(): void;
  /** Stops reading on both sides, so that the kernels keep what arrives and nobody is told of anything. */
  hold(): void;
  release(): void;
}

/** What both directions of a link share. */
interface Course {
  /** There while the link is held. */
  gate: PromiseWithResolvers<void> | undefined;
  readonly over: AbortSignal;
}

export function openLink(client: Socket, { target, faults, framed }: LinkOptions): Link {
  const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
  const sockets = [client, server];
  const over = new AbortController();
  const course: Course = { gate: undefined, over: over.signal };
  const release = (): void => {
    course.gate?.resolve();
    course.gate = undefined;
  };
  const destroy = (): void => {
    over.abort();
    release();
    for (const socket of sockets) socket.destroy();
  };
  // Not on "close": a side that has ended in order may still be owed what is delayed.
  for (const socket of sockets) socket.on("error", destroy);
  const keep = framed ? createFrameFilter(() => faults.toSwallow > 0 && faults.toSwallow-- > 0) : undefined;
  carry({ from: client, to: server, delayMs: () => 0, keep: undefined }, course);
  carry({ from: server, to: client, delayMs: () => faults.delayMs, keep }, course);
  return {
    closed: Promise.all(sockets.map(closing)).then(() => undefined),
    destroy,
    hold() {
      course.gate ??= Promise.withResolvers<void>();
      for (const socket of sockets) socket.pause();
    },
    release() {
      release();
      for (const socket of sockets) socket.resume();
    },
  };
}

function closing(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  return promise;
}

interface Direction {
  readonly from: Socket;
  readonly to: Socket;
  readonly delayMs: () => number;
  readonly keep: ((chunk: Buffer) => Buffer[]) | undefined;
}

/** Chunks follow one another in a chain of promises: a later one with a shorter delay does not overtake. */
function carry({ from, to, delayMs, keep }: Direction, course: Course): void {
  let last = Promise.resolve();
  const next = (act: () => void): void => {
    const due = performance.now() + delayMs();
    last = last.then(async () => {
      const wait = due - performance.now();
      if (wait > 0) await pause(wait, undefined, { signal: course.over }).catch(() => undefined);
      await course.gate?.promise;
      if (!course.over.aborted) act();
    });
  };
  from.on("data", (chunk: Buffer) => {
    const kept = keep === undefined ? [chunk] : keep(chunk);
    if (kept.length > 0) next(() => void to.write(Buffer.concat(kept)));
  });
  from.on("end", () => next(() => void to.end()));
}
