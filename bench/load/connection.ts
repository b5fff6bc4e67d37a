import { connect } from "node:net";

/** One connection that is kept, with one request under way at a time. */
export type Connection = {
  readonly send: (request: Buffer, onAnswer: (status: number) => void) => void;
  readonly close: () => void;
};

/** Status of a request whose connection ended before its answer. */
export const noAnswer = 0;

const headEnd = Buffer.from("\r\n\r\n");
const statusOf = (answer: Buffer): number => Number(answer.toString("latin1", 9, 12));

/** Where the answer at the beginning of the bytes ends; infinite as long as that cannot be known. */
const endOfAnswer = (bytes: Buffer): number => {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return Number.POSITIVE_INFINITY;
  const length = /^content-length: *(\d+)/im.exec(bytes.toString("latin1", 0, end))?.[1];
  if (length === undefined)
    throw new Error(`an answer without a length:\n${bytes.toString("latin1", 0, end)}`);
  return end + headEnd.length + Number(length);
};

/** Answers are alike: what has the length and the status of a good one that was read in full is taken for one. */
const createReader = (onAnswer: (status: number) => void) => {
  let usualBytes = 0;
  let begun: Buffer | null = null;
  return (chunk: Buffer): void => {
    if (begun === null && chunk.length === usualBytes && statusOf(chunk) === 200) {
      onAnswer(200);
      return;
    }
    const bytes: Buffer = begun === null ? chunk : Buffer.concat([begun, chunk]);
    const end = endOfAnswer(bytes);
    begun = end > bytes.length ? bytes : null;
    if (begun !== null) return;
    const status = statusOf(bytes);
    if (status === 200) usualBytes = end;
    onAnswer(status);
  };
};

/** Rejects when nobody listens. `onClosed` is called once, also for a connection that failed. */
export const openConnection = (port: number, onClosed: () => void): Promise<Connection> => {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let waiting: ((status: number) => void) | null = null;
  const settle = (status: number): void => {
    const answered = waiting;
    waiting = null;
    answered?.(status);
  };
  socket.on("data", createReader(settle));
  socket.on("error", reject);
  socket.once("close", () => {
    settle(noAnswer);
    onClosed();
  });
  const send: Connection["send"] = (request, onAnswer) => {
    waiting = onAnswer;
    if (socket.destroyed) settle(noAnswer);
    else socket.write(request);
  };
  socket.once("connect", () => resolve({ send, close: () => void socket.destroy() }));
  return promise;
};

/** One request on a connection of its own; `noAnswer` when there is none to be had. */
export const sendOnce = async (port: number, request: Buffer): Promise<number> => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const connection = await openConnection(port, () => resolve(noAnswer)).catch(() => null);
  if (connection === null) return noAnswer;
  connection.send(request, resolve);
  return promise.finally(connection.close);
};
