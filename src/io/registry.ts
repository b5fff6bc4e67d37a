import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { SchemaRegistry, SchemaType } from "@kafkajs/confluent-schema-registry";
import { authorizationOf, type RegistryLogin, withoutSecrets } from "../core/registry-login.ts";
import { fail, type Failure, ok, type Result } from "../core/result.ts";
import { type TlsFault, tlsFaultOf, tlsWordsOf } from "../core/tls-faults.ts";

export type RegistryFailure =
  | "registry-unavailable"
  | "registry-refused"
  | "tls-failed"
  | "schema-incompatible"
  | "schema-invalid"
  | "subject-unknown";
export type SchemaIds = ReadonlyMap<string, Result<number, RegistryFailure>>;

export type RegistrySettings = {
  /** Without a slash at its end. */
  readonly url: string;
  readonly auth: RegistryLogin;
  /** PEM text of the authority behind the registry's certificate; null: those that Node knows. */
  readonly ca: string | null;
  /** `register` writes what is not there yet; `lookup` never writes. Neither sets a compatibility level. */
  readonly mode: "register" | "lookup";
  /** Milliseconds for one request. */
  readonly deadlineMs?: number;
};

/** The one caller asks at start, and again, with its own back-off, for subjects whose failure a retry can mend. */
export interface Registry extends AsyncDisposable {
  /**
   * The id of each schema (JSON text), by subject. One request per subject, all at the same time; each ends within the
   * deadline. Never rejects. All failures but `registry-unavailable` need an operator; `detail` says what to do.
   */
  schemaIds(schemas: ReadonlyMap<string, string>): Promise<SchemaIds>;
}

type Client = ConstructorParameters<typeof SchemaRegistry>[0];
type Middleware = NonNullable<Client["middlewares"]>[number];
type Retry = NonNullable<Client["retry"]>;
/** What became of one request. The library passes little of it on, so it is noted on the way. */
type Call = {
  asked: boolean;
  answer: { readonly status: number; readonly body: string } | null;
  fault: Error | null;
};

const clientId = "esign-kafka-bridge";
const largestId = 2 ** 31 - 1;

/**
 * Notes each answer, and lets nothing be sent twice. The library asks this with the bare response, before its own error
 * handling, which never settles and leaves an unhandled rejection when the body of an error is `null`; and it takes
 * `validateRetry` from whichever client of the process was made last, so that this may see others' calls.
 */
const validateRetry: Retry["validateRetry"] = (response) => {
  const { call } = response.request().context<{ call?: Call }>();
  if (call === undefined) return response.status() >= 500;
  const error = response.error();
  if (error === null) call.answer = { status: response.status(), body: response.rawData() ?? "" };
  else call.fault = error;
  Object.assign(response, { errors: [], responseData: response.data() === null ? "{}" : response.rawData() });
  return false;
};
/** One retry, which `validateRetry` forbids: without it the library would not ask. */
const retry: Retry = { retries: 1, enableRetry: () => true, validateRetry };

const middlewareOf =
  (call: Call, signal: AbortSignal, authorization: string | null): Middleware =>
  () => ({
    prepareRequest: async (next) => {
      const request = await next();
      call.asked = true;
      const headers = authorization === null ? {} : { authorization };
      return request.enhance({ headers, signal }, { call });
    },
    // Before registering, the library insists on a compatibility level. The level is the registry's, so it is told that
    // the subject has none of its own; `updateConfig: false` then keeps it from setting one.
    response: (next, _renew, request) =>
      request.pathTemplate().startsWith("/config/")
        ? Promise.reject(Object.assign(new Error("The level is the registry's"), { status: 404 }))
        : next(),
  });

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
/** The registry's own words, or those of what stands in its place, on one line. */
const wordsOf = (body: string): string => {
  const json = jsonOf(body);
  const isObject = typeof json === "object" && json !== null;
  const message = isObject && "message" in json ? json.message : body;
  return String(message).replaceAll(/\s+/g, " ").trim().slice(0, 500) || "nothing";
};
const isRegistryError = (body: string): boolean => {
  const json = jsonOf(body);
  return typeof json === "object" && json !== null && "error_code" in json;
};

type Verdict = { readonly code: RegistryFailure; readonly advice: string };
const verdicts: Readonly<Record<number, Verdict>> = {
  401: {
    code: "registry-refused",
    advice: "Check SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD, or SCHEMA_REGISTRY_TOKEN",
  },
  403: {
    code: "registry-refused",
    advice: "Allow this user to read and write the subject, or set SCHEMAS=lookup where others register",
  },
  409: {
    code: "schema-incompatible",
    advice:
      "The subject holds another schema: mend it or its compatibility level in the registry, or set another TOPIC_PREFIX",
  },
  422: { code: "schema-invalid", advice: "Compare the schema in schemas/ with what this registry takes" },
};
const unknownSubject: Verdict = {
  code: "subject-unknown",
  advice: "Register the files in schemas/ under this subject, or set SCHEMAS=register",
};
const wrongAddress: Verdict = {
  code: "registry-unavailable",
  advice: "SCHEMA_REGISTRY_URL looks wrong: no schema registry answers there",
};
const laterPerhaps: Verdict = { code: "registry-unavailable", advice: "It is asked again" };

const verdictOn = (status: number, body: string, mode: RegistrySettings["mode"]): Verdict => {
  if (status < 300) return wrongAddress;
  if (status < 400)
    return { ...wrongAddress, advice: "SCHEMA_REGISTRY_URL must be the address after redirection" };
  if (status !== 404) return verdicts[status] ?? laterPerhaps;
  return mode === "lookup" && isRegistryError(body) ? unknownSubject : wrongAddress;
};

const tlsAdvice: Readonly<Record<TlsFault, string>> = {
  untrusted: "SCHEMA_REGISTRY_CA_FILE must hold the certificate of the authority that signed the registry's",
  expired: "Renew it, or that of its authority in SCHEMA_REGISTRY_CA_FILE, and compare the clocks",
  "other-name": "Use a name in SCHEMA_REGISTRY_URL that the certificate holds",
  "not-tls": "No TLS is spoken there: begin SCHEMA_REGISTRY_URL with http:, or give the TLS port",
  version: "The registry must speak TLS 1.2 or 1.3",
  "client-certificate": "It wants a client certificate, which the bridge has none of: use credentials",
};

/** A refused connection to a name with several addresses is an error without a message. */
const reasonOf = (error: Error | null): string => {
  if (error === null) return "no reason given";
  const code = "code" in error ? String(error.code) : error.name;
  return error.message === "" ? code : tlsWordsOf(error);
};

const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

const silenceOf = (fault: Error | null, url: string): Failure<RegistryFailure> => {
  const tlsFault = fault === null ? null : tlsFaultOf(fault);
  const words = `${url} does not answer: ${reasonOf(fault)}`;
  if (tlsFault !== null) return fail("tls-failed", `${words}. ${tlsAdvice[tlsFault]}`);
  const hungUp = fault !== null && "code" in fault && fault.code === "ECONNRESET";
  const advice =
    hungUp && url.startsWith("http:") ? ". If this lasts, SCHEMA_REGISTRY_URL may need https" : "";
  return fail("registry-unavailable", words + advice);
};

const failureOf = (call: Call, { url, mode, auth }: RegistrySettings): Failure<RegistryFailure> => {
  if (!call.asked) return fail("schema-invalid", `${reasonOf(call.fault)}. Mend the file in schemas/`);
  if (call.answer === null) return silenceOf(call.fault, url);
  const { status, body } = call.answer;
  const { code, advice } = verdictOn(status, body, mode);
  return fail(code, `${url} answered ${status}: ${wordsOf(withoutSecrets(body, auth))}. ${advice}`);
};

const rejectWhenAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });

const idFrom = async (client: SchemaRegistry, mode: RegistrySettings["mode"], [subject, schema]: Asked) => {
  const avro = { type: SchemaType.AVRO, schema } as const;
  if (mode === "lookup") return client.getRegistryIdBySchema(subject, avro);
  const registered = await client.register(avro, { subject, updateConfig: false });
  return registered.id;
};
type Asked = readonly [subject: string, schema: string];

/** No kept connections: requests are few, and an old connection would fail after a restart of the registry. */
const agentFor = ({ url, ca }: RegistrySettings): HttpAgent =>
  url.startsWith("https:") ? new HttpsAgent(ca === null ? {} : { ca }) : new HttpAgent();

export const createRegistry = (settings: RegistrySettings): Registry => {
  const { url, mode, deadlineMs = 5000 } = settings;
  const asking = new Set<AbortController>();
  let closed = false;

  const schemaId = async (asked: Asked): Promise<Result<number, RegistryFailure>> => {
    if (closed) return fail("registry-unavailable", `${asked[0]}: the client is closed`);
    // As they are now: they may be renewed between two requests.
    const now = { ...settings };
    const agent = agentFor(now);
    const call: Call = { asked: false, answer: null, fault: null };
    const ending = new AbortController();
    const { signal } = ending;
    const timer = setTimeout(() => ending.abort(new Error(`nothing within ${deadlineMs} ms`)), deadlineMs);
    asking.add(ending);
    const middlewares = [middlewareOf(call, signal, authorizationOf(now.auth))];
    try {
      const client = new SchemaRegistry({ host: url, clientId, agent, retry, middlewares });
      // The signal ends a request without an answer; after half an answer the library waits for ever all the same.
      const id: unknown = await Promise.race([rejectWhenAborted(signal), idFrom(client, mode, asked)]);
      if (typeof id === "number" && Number.isInteger(id) && id > 0 && id <= largestId) return ok(id);
    } catch (error) {
      call.fault = toError(signal.aborted ? signal.reason : (call.fault ?? error));
      if (signal.aborted) call.answer = null;
    } finally {
      clearTimeout(timer);
      asking.delete(ending);
      agent.destroy();
    }
    const { code, detail } = failureOf(call, now);
    return fail(code, `${asked[0]}: ${detail}`);
  };

  return {
    schemaIds: async (schemas) => {
      const ids = [...schemas].map(async (asked) => [asked[0], await schemaId(asked)] as const);
      return new Map(await Promise.all(ids));
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      for (const ending of asking) ending.abort(new Error("the client is closed"));
    },
  };
};
