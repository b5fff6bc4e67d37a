/**
 * Scalars as the vendor may write them. Each reader gives undefined for what does not fit, so that the value can be
 * kept elsewhere: none guesses.
 */

/** Text, also of a number or boolean, as well-formed Unicode: avsc would write half a surrogate pair as other bytes. */
export const looseText = (value: unknown): string | undefined => {
  if (typeof value === "string") return value.toWellFormed();
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
};

/** Text that names something. */
export const looseId = (value: unknown): string | undefined => {
  const text = typeof value === "boolean" ? undefined : looseText(value);
  return text === undefined || text.trim() === "" ? undefined : text;
};

const toInt32 = (value: number): number | undefined => {
  const int = value | 0;
  return int === value ? int : undefined;
};

/** A whole number of 32 bits. */
export const looseInt = (value: unknown): number | undefined => {
  if (typeof value === "number") return toInt32(value);
  return typeof value === "string" && /^[+-]?\d+$/.test(value) ? toInt32(Number(value)) : undefined;
};

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

export const looseDouble = (value: unknown): number | undefined => {
  const number = typeof value === "string" && decimal.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
};

export const looseBoolean = (value: unknown): boolean | undefined => {
  const word = typeof value === "string" ? value.toLowerCase() : value;
  if (word === true || word === 1 || word === "true" || word === "1") return true;
  if (word === false || word === 0 || word === "false" || word === "0") return false;
  return undefined;
};

/** 2001-09-09: a number below it counts seconds, or something else. */
const earliestMillis = 1e12;
/** The end of the year 9999, behind which no date has its usual form. */
const latestMillis = 253_402_300_799_999;

const isMillis = (value: number): boolean =>
  Number.isInteger(value) && value >= earliestMillis && value <= latestMillis;

// A date-time with its zone. Without a zone, or without a time, it names no instant.
const zoned =
  /^(?<day>\d{4}-\d\d-\d\d)[T ](?<minute>\d\d:\d\d)(?::(?<second>\d\d)(?:[.,](?<fraction>\d{1,9}))?)? ?(?:Z|(?<hours>[+-]\d\d)(?::?(?<minutes>\d\d))?)$/i;

/** Date.parse turns 30 February into 2 March. */
const isCalendarDay = (day: string): boolean => {
  // oxlint-disable-next-line no-restricted-globals -- parses, reads no clock
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
};

const isoInstant = (text: string): number | undefined => {
  const { day, minute, second = "00", fraction = "", hours, minutes = "00" } = zoned.exec(text)?.groups ?? {};
  if (day === undefined || !isCalendarDay(day)) return undefined;
  const millis = fraction.slice(0, 3).padEnd(3, "0");
  const zone = hours === undefined ? "Z" : `${hours}:${minutes}`;
  // oxlint-disable-next-line no-restricted-globals -- parses, reads no clock
  const instant = Date.parse(`${day}T${minute}:${second}.${millis}${zone}`);
  return instant <= latestMillis ? instant : undefined;
};

/** Milliseconds since 1970, from 13-digit milliseconds or an ISO 8601 date-time with its zone. */
export const looseTime = (value: unknown): number | undefined => {
  if (typeof value === "number") return isMillis(value) ? value : undefined;
  if (typeof value !== "string") return undefined;
  if (!/^\d{13,15}$/.test(value)) return isoInstant(value);
  const millis = Number(value);
  return isMillis(millis) ? millis : undefined;
};
