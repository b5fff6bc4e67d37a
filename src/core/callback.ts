import { catalog, type Dialect, eventNamed, type EventName } from "./catalog.ts";
import { type Reading, recognise, type Table } from "./fields.ts";
import { bareName, type JsonObject, maxDepth, parseJsonBytes, single, toObject } from "./json.ts";
import { looseId } from "./loose.ts";
import {
  type EnvelopeDraft,
  type EnvelopeFields,
  envelopeTable,
  idsTable,
  newEnvelope,
  newTemplate,
  type TemplateFields,
  templateTable,
} from "./payload.ts";
import { isSensitive, type Sensitive, toSafeJson, toSafeText } from "./redact.ts";
import { fail, ok, type Result } from "./result.ts";

type EventOf<Schema> = {
  [E in EventName]: (typeof catalog)[E]["schema"] extends Schema ? E : never;
}[EventName];
type CallbackOf<Schema, Fields, Key> = {
  /** Which `fields` it has. */
  readonly schema: Schema;
  readonly event: EventOf<Schema>;
  /** As the vendor wrote it. */
  readonly action: string;
  readonly dialect: Dialect;
  readonly key: Key;
  /** Ready for the schema: every field present, null where nothing was sent. */
  readonly fields: Fields;
};

/** A callback read: what happened, to what, and all that was said about it. */
export type Callback =
  | CallbackOf<"envelope-event", EnvelopeFields, string>
  | CallbackOf<"template-fill-result", TemplateFields, string>
  | CallbackOf<"unrecognized-event", { readonly body: string }, string | null>;

type Unreadable = "not-json" | "not-an-object" | "too-deep" | "no-action" | "no-id";

/** What a payload says about itself. */
type Head = { readonly dialect: Dialect; readonly action: string; readonly event: EventName };

/** Where a payload names its event, in the order in which it is believed. `callBackEnum` mostly names the module only. */
const voices = [
  { key: "callBackDesc", dialect: "apps-callback" },
  { key: "callBackEnum", dialect: "apps-callback" },
  { key: "event", dialect: "webhook" },
] as const;
type VoiceKey = (typeof voices)[number]["key"];

/** The first action that is known, else the first there is. */
const headFrom = (said: (key: VoiceKey) => unknown): Head | undefined => {
  let first: Head | undefined;
  for (const { key, dialect } of voices) {
    const action = looseId(single(said(key)));
    if (action === undefined) continue;
    const event = eventNamed(dialect, action);
    if (event !== "unrecognized") return { dialect, action, event };
    first ??= { dialect, action, event };
  }
  return first;
};

const isSaid = (value: unknown): boolean => looseId(single(value)) !== undefined;

const ownHead = (source: JsonObject): Head | undefined => {
  const exact = headFrom((key) => source[key]);
  if (exact !== undefined && exact.event !== "unrecognized") return exact;
  const keys = Object.keys(source).map((key) => ({ key, bare: bareName(key) }));
  return headFrom((key) => {
    const spellings = keys.filter(({ bare }) => bare === bareName(key));
    return spellings.map((spelling) => source[spelling.key]).find(isSaid);
  });
};

const payloadName = /^(?:callback.+vo|eventpayload)$/;

/** `event` and the like mean little in a nested object, unless it names a known event or a payload stands beside it. */
const isCredible = (head: Head, source: JsonObject): boolean =>
  head.event !== "unrecognized" || Object.keys(source).some((key) => payloadName.test(bareName(key)));

/** The head of the first object inside that has one: the whole callback may be wrapped. */
const innerHead = (source: JsonObject, levels: number): Head | undefined => {
  if (levels === 0) return undefined;
  for (const key of Object.keys(source)) {
    const inner = isSensitive(key) ? undefined : toObject(source[key]);
    if (inner === undefined) continue;
    const own = ownHead(inner);
    const head = own !== undefined && isCredible(own, inner) ? own : innerHead(inner, levels - 1);
    if (head !== undefined) return head;
  }
  return undefined;
};

type Source = { readonly document: JsonObject; readonly head: Head; readonly sensitive: Sensitive };

const fill = <T>({ document, head, sensitive }: Source, table: Table<T>, target: T): string | null => {
  const { module } = catalog[head.event];
  const reading: Reading = { sensitive, action: head.action, module, lists: [], known: 0, depth: 0 };
  const rest = recognise(document, document, { table, target, reading });
  return rest === undefined ? null : toSafeJson(rest, sensitive);
};

/** A decline has an author and a text, but the Webhook only marks one signer of its list. */
const settleDecline = (draft: EnvelopeDraft): void => {
  const decliners = draft.signers.filter(
    ({ declineReason }) => declineReason !== null && declineReason !== "",
  );
  const [only] = decliners;
  if (draft.signer === null && only !== undefined && decliners.length === 1) {
    draft.signer = { ...only, signFiles: [...only.signFiles] };
  }
  draft.reason ??= draft.signer?.declineReason ?? null;
};

const readEnvelope = (source: Source, event: EventOf<"envelope-event">): Result<Callback, "no-id"> => {
  const draft = newEnvelope();
  const unmapped = fill(source, envelopeTable, draft);
  const { envelopeId } = draft;
  if (envelopeId === null) return fail("no-id", `${event} without envelopeId`);
  if (event === "envelope-declined") settleDecline(draft);
  const { action, dialect } = source.head;
  const fields = { ...draft, envelopeId, unmapped };
  return ok({ schema: "envelope-event", event, action, dialect, key: envelopeId, fields });
};

const readTemplate = (source: Source, event: EventOf<"template-fill-result">): Result<Callback, "no-id"> => {
  const draft = newTemplate();
  const unmapped = fill(source, templateTable, draft);
  const { taskId } = draft;
  if (taskId === null) return fail("no-id", `${event} without taskId`);
  const { action, dialect } = source.head;
  const fields = { ...draft, taskId, unmapped };
  return ok({ schema: "template-fill-result", event, action, dialect, key: taskId, fields });
};

const readUnrecognized = (source: Source): Result<Callback, never> => {
  const ids = { envelopeId: null, taskId: null };
  fill(source, idsTable, ids);
  const { action, dialect } = source.head;
  // Written anew, never the raw text: a key sent twice would carry a secret past the mask.
  const fields = { body: toSafeJson(source.document, source.sensitive) };
  const key = ids.envelopeId ?? ids.taskId;
  return ok({ schema: "unrecognized-event", event: "unrecognized", action, dialect, key, fields });
};

/**
 * Reads the bytes of one callback, of either dialect, however loosely written. Never throws. Fails only when the bytes
 * allow no record at all; what finds no field is kept in `unmapped`.
 */
export const readCallback = (body: Buffer, sensitive: Sensitive): Result<Callback, Unreadable> => {
  const parsed = parseJsonBytes(body);
  if (!parsed.ok) return parsed;
  const document = toObject(parsed.value);
  if (document === undefined) return fail("not-an-object");
  const found = ownHead(document) ?? innerHead(document, maxDepth);
  if (found === undefined) return fail("no-action");
  const head = { ...found, action: toSafeText(found.action, sensitive) };
  const source = { document, head, sensitive };
  const { event } = head;
  if (event === "unrecognized") return readUnrecognized(source);
  return event === "template-fill-result" ? readTemplate(source, event) : readEnvelope(source, event);
};
