import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { idOf } from "./sender.ts";

/** What a sender knows of one callback: its envelope, and how many of that envelope went before it. */
export type Sent = { readonly envelopeId: string; readonly step: number };

export type Flood = {
  /** By event id: what was answered 200, in the order of the answers. */
  readonly acknowledged: ReadonlyMap<string, Sent>;
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** The longest wait for an answer, in ms. */
  readonly slowestMs: () => number;
  /** Resolves when every sender has ended: by `stop`, by its number of callbacks, or because the bridge is gone. */
  readonly ended: Promise<void>;
  readonly stop: () => void;
};

export type FloodOptions = {
  readonly port: number;
  readonly senders: number;
  /** For each sender; without end when not given. */
  readonly callbacks?: number;
  /** Milliseconds between two callbacks of one sender. */
  readonly everyMs?: number;
};

const stepsPerEnvelope = 4;

const bodyOf = ({ envelopeId, step }: Sent): Buffer =>
  Buffer.from(
    JSON.stringify({
      event: "ENVELOPE_SIGNER_SIGNED",
      eventPayload: { envelopeId, envelopeStatus: 1, signerInfo: { businessId: `${step}`, signOrder: step } },
    }),
  );

const requestOf = (body: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`POST /callback HTTP/1.1\r\nHost: bridge\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ]);

/** Status of each answer, whatever the chunks: answers have a length and come one at a time. */
const answers = (socket: Socket, onAnswer: (status: number) => void): void => {
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
    for (;;) {
      const head = text.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      const status = Number(text.slice(9, 12));
      text = text.slice(head + 4 + length);
      onAnswer(status);
    }
  });
};

/**
 * Callbacks without signature, each sender one after another over a connection of its own: what it sends about one
 * envelope is accepted in that order. A callback that is refused is sent again, as eSignGlobal does, before the next.
 */
export const openFlood = ({ port, senders, callbacks = Infinity, everyMs = 0 }: FloodOptions): Flood => {
  const acknowledged = new Map<string, Sent>();
  const statuses = new Map<number, number>();
  let slowest = 0;
  let stopped = false;

  const run = (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let sent: Sent = { envelopeId: randomBytes(12).toString("hex"), step: 0 };
    let body = bodyOf(sent);
    let done = 0;
    let begunAt = 0;
    const send = (): void => {
      if (stopped || done >= callbacks) return void socket.end();
      begunAt = performance.now();
      socket.write(requestOf(body));
    };
    const next = (): void => {
      done += 1;
      const { envelopeId, step } = sent;
      const isLast = step + 1 === stepsPerEnvelope;
      sent = isLast
        ? { envelopeId: randomBytes(12).toString("hex"), step: 0 }
        : { envelopeId, step: step + 1 };
      body = bodyOf(sent);
    };
    answers(socket, (status) => {
      slowest = Math.max(slowest, performance.now() - begunAt);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200) {
        acknowledged.set(idOf(body), sent);
        next();
      }
      if (everyMs > 0 || status !== 200) setTimeout(send, Math.max(everyMs, 50));
      else send();
    });
    // A reset is how a sender learns that the process was killed; "close" follows it.
    socket.on("connect", send).on("error", () => socket.destroy());
    socket.on("close", () => resolve());
    return promise;
  };

  return {
    acknowledged,
    statuses,
    slowestMs: () => slowest,
    ended: Promise.all(Array.from({ length: senders }, run)).then(() => undefined),
    stop: () => {
      stopped = true;
    },
  };
};
