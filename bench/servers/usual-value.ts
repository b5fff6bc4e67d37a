import { randomUUID } from "node:crypto";

type Person = Readonly<Record<string, string | number | boolean | null>> & {
  readonly phoneNumber?: { readonly countryCode?: string; readonly number?: string };
};

type Envelope = {
  readonly envelopeId: string;
  readonly envelopeStatus?: number;
  readonly envelopeCreateTime?: number | string;
  readonly envelopeStartTime?: number | string;
  readonly envelopeEndTime?: number | string;
  readonly expireTime?: number | string;
  readonly reason?: string;
  readonly signerInfo?: Person;
  readonly signerList?: readonly Person[];
  readonly signedSignerList?: readonly Person[];
  readonly nextSignerList?: readonly Person[];
};

type Template = {
  readonly taskId: string;
  readonly taskStatus?: string;
  readonly fileKey?: string;
  readonly fields?: readonly Readonly<Record<string, unknown>>[];
};

/** A callback as the vendor's pages describe it, taken at its word. */
export type Payload = {
  readonly event?: string;
  readonly eventPayload?: Envelope;
  readonly callBackDesc?: string;
  readonly callBackEnvelopeVO?: Envelope;
  readonly callBackTemplateVO?: Template;
};

const timeOf = (time: number | string | undefined): number | null =>
  time === undefined ? null : Number(time);
const numberOf = (value: unknown): number | null =>
  value === undefined || value === null ? null : Number(value);

/** What has a default in the schema and is left out here, avsc fills in. */
const toSigner = (
  { phoneNumber, signOrder, signDate, viewedTime, ...signer }: Person,
  listedIn: string | null,
) => ({
  ...signer,
  listedIn,
  phoneCountryCode: phoneNumber?.countryCode ?? null,
  phoneNumber: phoneNumber?.number ?? null,
  signOrder: numberOf(signOrder),
  signedAt: numberOf(signDate),
  viewedAt: numberOf(viewedTime),
});

const listed = (name: string, signers: readonly Person[] = []) =>
  signers.map((signer) => toSigner(signer, name));

const toEnvelope = (envelope: Envelope) => ({
  envelopeId: envelope.envelopeId,
  envelopeStatus: numberOf(envelope.envelopeStatus),
  createdAt: timeOf(envelope.envelopeCreateTime),
  startedAt: timeOf(envelope.envelopeStartTime),
  endedAt: timeOf(envelope.envelopeEndTime),
  expiresAt: timeOf(envelope.expireTime),
  reason: envelope.reason ?? null,
  signer: envelope.signerInfo === undefined ? null : toSigner(envelope.signerInfo, null),
  signers: [
    ...listed("nextSignerList", envelope.nextSignerList),
    ...listed("signedSignerList", envelope.signedSignerList),
    ...listed("signerList", envelope.signerList),
  ],
  ccs: [],
  unmapped: null,
});

const toTemplate = ({ taskId, taskStatus, fileKey, fields = [] }: Template) => ({
  taskId,
  taskStatus: numberOf(taskStatus),
  fileKey: fileKey ?? null,
  fields: fields.map(({ fieldId, fieldKey, fieldName, fieldType }) => ({
    fieldId,
    fieldKey,
    fieldName,
    fieldType,
  })),
});

/** Straight from the payload's fields to the schema's. */
export const toValue = (
  payload: Payload,
  dialect: string,
): { readonly key: string; readonly value: object } => {
  const common = {
    eventId: randomUUID(),
    action: payload.event ?? payload.callBackDesc,
    dialect,
    source: "bench",
    receivedAt: Date.now(),
  };
  const envelope = payload.eventPayload ?? payload.callBackEnvelopeVO;
  if (envelope !== undefined)
    return { key: envelope.envelopeId, value: { ...common, ...toEnvelope(envelope) } };
  if (payload.callBackTemplateVO === undefined) throw new Error("neither an envelope nor a template");
  return {
    key: payload.callBackTemplateVO.taskId,
    value: { ...common, ...toTemplate(payload.callBackTemplateVO) },
  };
};
