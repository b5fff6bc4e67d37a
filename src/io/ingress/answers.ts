import { failures, type Refusal } from "../../core/result.ts";

type RefusalAnswer = { readonly status: number; readonly body: Buffer };

/** Why a signature or a token was refused is for the metrics, not for the caller. */
const publicCode = (code: Refusal): string => (failures[code].status === 401 ? "unauthenticated" : code);

export const answerOf = (code: Refusal): RefusalAnswer => {
  const { status } = failures[code];
  return { status, body: Buffer.from(JSON.stringify({ code: String(status), msg: publicCode(code) })) };
};

/** fastify's and Node's own errors about a request, as ours. */
export const refusalByCode: ReadonlyMap<string, Refusal> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", "body-too-large"],
  ["FST_ERR_MAX_PARAM_LENGTH", "path-unknown"],
  ["FST_ERR_ROUTE_MISSING_CONTENT_TYPE", "method-not-allowed"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "body-too-slow"],
  ["HPE_HEADER_OVERFLOW", "headers-too-large"],
  ["ECONNRESET", "request-malformed"],
]);

export type CodedError = Error & { code?: string };
