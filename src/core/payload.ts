import { boolean, common, double, id, int, list, one, secret, spent, text, time, nested } from "./entries.ts";
import { createTable, type Entry, type Table } from "./fields.ts";

export type SignFile = { fileName: string | null; fileKey: string | null };

export type Signer = {
  /** The list of the payload that holds the signer; null outside lists. */
  listedIn: string | null;
  businessId: string | null;
  userEmail: string | null;
  userName: string | null;
  phoneCountryCode: string | null;
  phoneNumber: string | null;
  userType: number | null;
  organizationName: string | null;
  signOrder: number | null;
  signerStatus: number | null;
  signedAt: number | null;
  viewedAt: number | null;
  approvedAsRequired: boolean | null;
  declineReason: string | null;
  authModes: string | null;
  accessCode: string | null;
  signFiles: SignFile[];
};

export type Cc = { userEmail: string | null; userName: string | null; ccStatus: number | null };

export type EnvelopeFields = {
  envelopeId: string;
  envelopeStatus: number | null;
  createdAt: number | null;
  startedAt: number | null;
  endedAt: number | null;
  expiresAt: number | null;
  reason: string | null;
  signer: Signer | null;
  signers: Signer[];
  ccs: Cc[];
  unmapped: string | null;
};

export type TemplateField = {
  fieldId: string | null;
  fieldKey: string | null;
  fieldName: string | null;
  fieldType: number | null;
  pageNo: number | null;
  posX: number | null;
  posY: number | null;
  width: number | null;
  height: number | null;
};

export type TemplateFields = {
  taskId: string;
  taskStatus: number | null;
  reason: string | null;
  fileKey: string | null;
  downloadUrl: string | null;
  fields: TemplateField[];
  unmapped: string | null;
};

/** A record while it is read: its id may still be missing. */
export type EnvelopeDraft = Omit<EnvelopeFields, "envelopeId"> & { envelopeId: string | null };
export type TemplateDraft = Omit<TemplateFields, "taskId"> & { taskId: string | null };
export type IdsDraft = { envelopeId: string | null; taskId: string | null };

const signFiles = {
  table: createTable<SignFile>({ fileName: text("fileName"), fileKey: text("fileKey") }),
  create: (): SignFile => ({ fileName: null, fileKey: null }),
};

const phoneTable = createTable<Signer>({
  countryCode: text("phoneCountryCode"),
  number: text("phoneNumber"),
  phoneNumber: text("phoneNumber"),
});

const signerTable = createTable<Signer>({
  businessId: text("businessId"),
  userEmail: text("userEmail"),
  userName: text("userName"),
  phoneNumber: nested(phoneTable, text("phoneNumber")),
  userType: int("userType"),
  organizationName: text("organizationName"),
  signOrder: int("signOrder"),
  signerStatus: int("signerStatus"),
  signDate: time("signedAt"),
  viewedTime: time("viewedAt"),
  approvedAsRequired: boolean("approvedAsRequired"),
  declineReason: text("declineReason"),
  // What `declineSigner` calls it.
  signerMessage: text("declineReason"),
  authModes: text("authModes"),
  accessCode: secret("accessCode"),
  signFiles: list("signFiles", signFiles),
});

const newSigner = (listedIn: string | null): Signer => ({
  listedIn,
  businessId: null,
  userEmail: null,
  userName: null,
  phoneCountryCode: null,
  phoneNumber: null,
  userType: null,
  organizationName: null,
  signOrder: null,
  signerStatus: null,
  signedAt: null,
  viewedAt: null,
  approvedAsRequired: null,
  declineReason: null,
  authModes: null,
  accessCode: null,
  signFiles: [],
});
const signer = () => one("signer", { table: signerTable, create: () => newSigner(null) });
const signers = (name: string) =>
  list("signers", { table: signerTable, name, create: () => newSigner(name) });

const ccTable = createTable<Cc>({
  userEmail: text("userEmail"),
  userName: text("userName"),
  ccStatus: int("ccStatus"),
});
const ccs = (name: string) =>
  list("ccs", { table: ccTable, name, create: () => ({ userEmail: null, userName: null, ccStatus: null }) });

/** What every payload is wrapped in, whatever its dialect and event. */
const outerKeys = {
  callBackDesc: spent("action"),
  callBackEnum: spent("module"),
  event: spent("action"),
  callBackEnvelopeVO: nested(),
  callBackTemplateVO: nested(),
  eventPayload: nested(),
} as const satisfies Record<string, Entry<unknown>>;

export const envelopeTable: Table<EnvelopeDraft> = createTable<EnvelopeDraft>(
  {
    ...outerKeys,
    envelopeId: id("envelopeId"),
    envelopeStatus: int("envelopeStatus"),
    envelopeCreateTime: time("createdAt"),
    envelopeStartTime: time("startedAt"),
    envelopeEndTime: time("endedAt"),
    expireTime: time("expiresAt"),
    description: common(text("reason")),
    reason: common(text("reason")),
    cancelInfo: nested(
      createTable<EnvelopeDraft>({ reason: text("reason"), description: text("reason") }),
      text("reason"),
    ),
    signerInfo: signer(),
    declineSigner: signer(),
    nextSignerList: signers("nextSignerList"),
    signedSignerList: signers("signedSignerList"),
    signerList: signers("signerList"),
    ccInfo: ccs("ccInfo"),
    ccList: ccs("ccList"),
  },
  { key: "envelopeid", of: (draft) => draft.envelopeId },
);

export const newEnvelope = (): EnvelopeDraft => ({
  envelopeId: null,
  envelopeStatus: null,
  createdAt: null,
  startedAt: null,
  endedAt: null,
  expiresAt: null,
  reason: null,
  signer: null,
  signers: [],
  ccs: [],
  unmapped: null,
});

const templateFields = {
  name: "fields",
  table: createTable<TemplateField>({
    fieldId: text("fieldId"),
    fieldKey: text("fieldKey"),
    fieldName: text("fieldName"),
    fieldType: int("fieldType"),
    pageNo: int("pageNo"),
    posX: double("posX"),
    posY: double("posY"),
    width: double("width"),
    height: double("height"),
    fieldConfigs: nested(),
  }),
  create: (): TemplateField => ({
    fieldId: null,
    fieldKey: null,
    fieldName: null,
    fieldType: null,
    pageNo: null,
    posX: null,
    posY: null,
    width: null,
    height: null,
  }),
};

export const templateTable: Table<TemplateDraft> = createTable<TemplateDraft>(
  {
    ...outerKeys,
    taskId: id("taskId"),
    taskStatus: int("taskStatus"),
    description: common(text("reason")),
    fileKey: common(text("fileKey")),
    downloadUrl: common(secret("downloadUrl")),
    fields: common(list("fields", templateFields)),
  },
  { key: "taskid", of: (draft) => draft.taskId },
);

export const newTemplate = (): TemplateDraft => ({
  taskId: null,
  taskStatus: null,
  reason: null,
  fileKey: null,
  downloadUrl: null,
  fields: [],
  unmapped: null,
});

/** What a payload of an unknown event is about. */
export const idsTable: Table<IdsDraft> = createTable<IdsDraft>(
  { ...outerKeys, envelopeId: id("envelopeId"), taskId: id("taskId") },
  { key: "", of: () => null },
);
