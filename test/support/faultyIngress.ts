import { connect } from "node:net";
import { pino } from "pino";
import { openIngress } from "../../src/io/ingress/ingress.ts";
import { createTelemetry } from "../../src/telemetry.ts";
import { anyone, noLimits, postOf } from "./ingress.ts";

/** With the code of an error that a request can cause: it must not pass for one. */
const fault = Object.assign(new Error("the accept that throws"), { code: "ECONNRESET" });

// A process of its own: it sends itself one callback, writes the answer to its output, and must end by the fault.
const { port } = await openIngress({
  host: "127.0.0.1",
  port: 0,
  path: "/callback",
  tokenInPath: false,
  asksForPassword: false,
  bodyLimitBytes: 1000,
  maxInFlight: 10,
  deadlineMs: 1000,
  network: noLimits,
  admit: anyone,
  accept: () => Promise.reject(fault),
  telemetry: createTelemetry(pino({ level: "silent" }), "0", Date.now),
  capture: false,
  clock: Date.now,
});
const socket = connect(port, "127.0.0.1");
socket.pipe(process.stdout);
socket.write(postOf("{}"));
