import { toCaptured } from "../../core/capture.ts";
import type { Exchange } from "./exchange.ts";

/** The line for whoever wants to know how deliveries look. */
export const capture = (exchange: Exchange): void => {
  const { request, context } = exchange;
  const { method, url, body } = request;
  const { rawHeaders } = request.raw;
  const outcome = exchange.refusal ?? exchange.outcome ?? "unanswered";
  context.telemetry.deliveryCaptured(() => {
    const bodyBytes = Buffer.isBuffer(body) ? body.length : null;
    return toCaptured({ method, url, rawHeaders, bodyBytes, outcome }, context.path);
  });
};
