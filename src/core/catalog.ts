/**
 * Two ways in which eSignGlobal writes a callback:
 * https://www.esignglobal.com/developer-center/api/e3esec8grw834hdls3c5uket and
 * https://www.esignglobal.com/developer-center/document/vfj16znziy18o17n4sc5y7ng
 */
export type Dialect = "apps-callback" | "webhook";
/** The files in `schemas/`, without their ending. */
export type SchemaName = "envelope-event" | "template-fill-result" | "unrecognized-event";

export type CatalogRow = {
  /** `callBackDesc` (else `callBackEnum`) of the Apps dialect; null: the dialect has no such event. */
  readonly apps: string | null;
  /** `event` of the Webhook dialect. */
  readonly webhook: string | null;
  /** What `callBackEnum` says beside `apps`: the module, no news of its own. */
  readonly module: string | null;
  /** Follows the prefix in the topic's name and `com.esignglobal.` in the CloudEvents type. */
  readonly topic: string;
  readonly key: "envelopeId" | "taskId" | null;
  readonly schema: SchemaName;
  /** A byte-identical repeat can only be the sender's retry. */
  readonly once: boolean;
};

const envelope = (apps: string, webhook: string | null, topic: string) =>
  ({
    apps,
    webhook,
    module: "ENVELOPE_UPDATE",
    topic: `envelope.${topic}`,
    key: "envelopeId",
    schema: "envelope-event",
    once: true,
  }) as const;
const sameName = (action: string, topic: string) => envelope(action, action, topic);

/** Every event there is. Topics, subjects, event types, fixtures and the README's table follow from these rows. */
export const catalog = {
  "envelope-started": sameName("ENVELOPE_START", "started"),
  "signer-signed": sameName("ENVELOPE_SIGNER_SIGNED", "signer-signed"),
  "all-signers-signed": sameName("ENVELOPE_ALL_SIGNER_SIGNED", "all-signers-signed"),
  "envelope-finished": sameName("ENVELOPE_FINISH", "finished"),
  "envelope-cancelled": sameName("ENVELOPE_CANCEL", "cancelled"),
  "envelope-expired": sameName("ENVELOPE_EXPIRED", "expired"),
  "envelope-declined": envelope("ENVELOPE_DECLINED", "SIGNER_DECLINED", "declined"),
  "signer-viewed": envelope("ENVELOPE_SIGNER_VIEWED", null, "signer-viewed"),
  "signer-failed": { ...envelope("ENVELOPE_SIGNER_FAILED", null, "signer-failed"), once: false },
  "delivery-failed": { ...sameName("ENVELOPE_DELIVERY_FAILED", "delivery-failed"), once: false },
  "template-fill-result": {
    apps: "TEMPLATE_FILL_RESULT",
    webhook: null,
    module: "TEMPLATE",
    topic: "template.fill-result",
    key: "taskId",
    schema: "template-fill-result",
    once: false,
  },
  unrecognized: {
    apps: null,
    webhook: null,
    module: null,
    topic: "unrecognized",
    key: null,
    schema: "unrecognized-event",
    once: false,
  },
} as const satisfies Record<string, CatalogRow>;

export type EventName = keyof typeof catalog;

/** Where what cannot become a record goes, below the prefix. */
export const deadLetterTopic = "dead-letter";

export const eventNames: readonly EventName[] = Object.keys(catalog).filter(
  (name): name is EventName => name in catalog,
);

const squeeze = (action: string): string => action.toLowerCase().replace(/[^a-z0-9]/g, "");
const actionsOf = (dialect: "apps" | "webhook"): ReadonlyMap<string, EventName> =>
  new Map(
    eventNames.flatMap((name) => {
      const action: string | null = catalog[name][dialect];
      return action === null ? [] : [[action, name] as const, [squeeze(action), name] as const];
    }),
  );
const actions: Record<Dialect, ReadonlyMap<string, EventName>> = {
  "apps-callback": actionsOf("apps"),
  webhook: actionsOf("webhook"),
};

/** The event that an action names in its dialect, whatever its case and spacing; `unrecognized` for any other. */
export const eventNamed = (dialect: Dialect, action: string): EventName =>
  actions[dialect].get(action) ?? actions[dialect].get(squeeze(action)) ?? "unrecognized";

export const topicOf = (event: EventName, prefix: string): string => prefix + catalog[event].topic;
/** TopicNameStrategy. */
export const subjectOf = (topic: string): string => `${topic}-value`;
