import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { backOffMs } from "../../core/back-off.ts";
import { fail, type Failure, ok, type Result } from "../../core/result.ts";
import type { SinkFailure } from "../../core/sink.ts";
import type { Telemetry } from "../../telemetry.ts";
import { callDeadlineMs, firstConnectDeadlineMs, type KafkaSettings, startingWith } from "./client.ts";
import { type Connection, openConnection } from "./connection.ts";
import { toConnectFailure } from "./failure.ts";

export type LinkOptions = {
  readonly kafka: KafkaSettings;
  readonly log: Logger;
  readonly telemetry: Pick<Telemetry, "kafkaConnected" | "kafkaNotConnected" | "kafkaReconnected">;
};

/** One connection that is made again, with back-off, whenever it is lost or dropped. */
export type Link = AsyncDisposable & {
  readonly connected: () => boolean;
  /** Waits for a connection, up to the deadline of a call. It is in use until `done` or `drop`. */
  readonly use: () => Promise<Result<Connection, SinkFailure>>;
  readonly done: () => void;
  /** Gives the connection up at once, without waiting for the broker, and makes another. */
  readonly drop: (failure: Failure<SinkFailure>) => void;
};

type State = LinkOptions & {
  readonly closing: AbortController;
  connection: Connection | null;
  inUse: boolean;
  lastFailure: Failure<SinkFailure>;
  connecting: Promise<void>;
  /** How many times it was tried to connect, ever: each begins with another broker. */
  tries: number;
};

const destroy = ({ client }: Connection, log: Logger): void => {
  client.destroy();
  client.cluster
    .disconnect()
    .catch((error: unknown) => log.debug({ error }, "disconnected a destroyed producer"));
};

/** True: there is nothing more to try. */
const tryOnce = async (state: State, attempt: number): Promise<boolean> => {
  const { log, telemetry } = state;
  const { signal } = state.closing;
  let opened: Connection | null = null;
  const onClosed = () => {
    // In use, the call itself fails and tells why.
    if (state.inUse || opened === null || opened !== state.connection) return;
    drop(state, fail("broker-unavailable", "the connection was closed"));
  };
  const kafka = startingWith(state.kafka, state.tries++);
  const deadlineMs = Math.min(callDeadlineMs, firstConnectDeadlineMs * 2 ** attempt);
  try {
    opened = await openConnection({ kafka, log, deadlineMs, signal, onClosed });
    if (signal.aborted) {
      destroy(opened, log);
      return true;
    }
    state.connection = opened;
    telemetry.kafkaConnected();
    return true;
  } catch (error) {
    if (signal.aborted) return true;
    state.lastFailure = toConnectFailure(error, kafka);
    telemetry.kafkaNotConnected(state.lastFailure);
    return false;
  }
};

const pause = (ms: number, signal: AbortSignal): Promise<unknown> =>
  // Rejects only by the signal, which is what ends the loop.
  delay(ms, undefined, { signal }).catch(() => undefined);

const connect = async (state: State): Promise<void> => {
  const { signal } = state.closing;
  for (let attempt = 0; !signal.aborted && !(await tryOnce(state, attempt)); attempt += 1) {
    await pause(backOffMs(attempt, Math.random()), signal);
  }
};

const drop = (state: State, failure: Failure<SinkFailure>): void => {
  state.inUse = false;
  const dropped = state.connection;
  if (dropped === null) return;
  state.connection = null;
  state.lastFailure = failure;
  destroy(dropped, state.log);
  state.telemetry.kafkaReconnected(failure.code);
  state.connecting = connect(state);
};

const use = async (state: State): Promise<Result<Connection, SinkFailure>> => {
  if (state.connection === null) {
    const timer = new AbortController();
    await Promise.race([state.connecting, pause(callDeadlineMs, timer.signal)]);
    timer.abort();
  }
  if (state.connection === null) return state.lastFailure;
  state.inUse = true;
  return ok(state.connection);
};

export const openLink = (options: LinkOptions): Link => {
  const state: State = {
    ...options,
    closing: new AbortController(),
    connection: null,
    inUse: false,
    lastFailure: fail("broker-unavailable", "not connected yet"),
    connecting: Promise.resolve(),
    tries: 0,
  };
  state.connecting = connect(state);
  return {
    connected: () => state.connection !== null,
    use: () => use(state),
    done: () => {
      state.inUse = false;
    },
    drop: (failure) => drop(state, failure),
    [Symbol.asyncDispose]: async () => {
      state.closing.abort();
      if (state.connection !== null) destroy(state.connection, state.log);
      state.connection = null;
      await state.connecting;
    },
  };
};
