import { connect } from "node:net";
import type { Plan } from "./plan.ts";

export type Heard = {
  /** All that came, one character for each byte. */
  readonly text: string;
  /** How the connection ended: the other side let go, we did, or nobody did for too long. */
  readonly ended: "by it" | "by us" | "never";
  /** True when it was refused or broken off: then some of the text may be missing. */
  readonly broken: boolean;
};

/** A connection on which nothing moves for so long is over, as far as we know. */
const quietMs = 60;
/** Or for so long, where the bridge's own deadlines are to be met. */
const patientMs = 6000;
/** Above the bridge's deadline and what it takes besides. */
const longestMs = 15_000;

/** Sends what the plan says and listens until the connection is over. */
export const play = (port: number, plan: Plan): Promise<Heard> => {
  const { promise, resolve } = Promise.withResolvers<Heard>();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let text = "";
  let ended: Heard["ended"] = "by it";
  let broken = false;
  const late = setTimeout(() => {
    ended = "never";
    socket.destroy();
  }, longestMs);
  const endWhenQuiet = (): void => {
    socket.setTimeout(plan.end === "wait" ? patientMs : quietMs, () => {
      ended = "by us";
      if (plan.end === "reset") socket.resetAndDestroy();
      else socket.end();
    });
  };
  const writeFrom = (place: number): void => {
    const piece = plan.pieces[place];
    if (socket.destroyed) return;
    // Not before: on a busy machine a request that is understood would be cut off.
    if (piece === undefined) return plan.open ? endWhenQuiet() : undefined;
    socket.write(piece);
    setImmediate(writeFrom, place + 1);
  };
  socket
    .setEncoding("latin1")
    .on("connect", () => writeFrom(0))
    .on("data", (piece: string) => {
      text += piece;
    })
    .on("error", () => {
      broken = true;
    })
    .on("close", () => {
      clearTimeout(late);
      resolve({ text, ended, broken });
    });
  return promise;
};
