import { isUtf8 } from "node:buffer";
import { fail, ok, type Result } from "./result.ts";

export type JsonObject = { readonly [key: string]: unknown };

/** Levels of nesting that are read; the vendor's payloads have six. More could overflow the stack of whoever walks them. */
export const maxDepth = 64;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A key without case, spacing and punctuation: the vendor's pages spell the same key in several ways. */
export const bareName = (name: string): string =>
  compatible(name)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "");

/** Marks go first: normalizing sorts a run of them, and for a megabyte of them that takes minutes. */
const compatible = (name: string): string =>
  /[^\0-\x7f]/.test(name) ? name.replace(/\p{M}+/gu, "").normalize("NFKC") : name;

/** True when a value of JSON nests no deeper than so many levels; goes no deeper itself. */
export const nestsWithin = (value: unknown, levels: number): boolean => {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!nestsWithin(item, levels - 1)) return false;
  } else if (isObject(value)) {
    // Nothing is inherited, and no list of the keys is made.
    for (const key in value) if (!nestsWithin(value[key], levels - 1)) return false;
  }
  return true;
};

// A number of sixteen characters or more, or with an exponent: only such a one can lose digits as a double.
const riskyNumber = /[[:,]\s*-?(?:\d[\d.]{15}|\d[\d.]*[eE])/;

const significantDigits = (number: string): string => {
  const digits = number
    .replace(/[eE].*$/, "")
    .replace(/\D/g, "")
    .replace(/^0+/, "");
  // Not by an expression for the end: that begins anew at each zero, and a megabyte of them takes minutes.
  let end = digits.length;
  while (digits[end - 1] === "0") end -= 1;
  return digits.slice(0, end);
};

/** What the number says when a double would say something else: its own text. */
const exactNumber = (value: number, source: string): number | string => {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return source;
  return significantDigits(source) === significantDigits(String(value)) ? value : source;
};
const keepDigits = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" && context?.source !== undefined ? exactNumber(value, context.source) : value;

/** JSON without loss: a number that a double cannot hold becomes its text. Of a repeated key the last value counts. */
export const parseJson = (text: string): Result<unknown, "not-json" | "too-deep"> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own words quote the payload.
    return fail("not-json", "no JSON text");
  }
  if (!nestsWithin(value, maxDepth)) return fail("too-deep", `more than ${maxDepth} levels`);
  // The reviver recurses, so it comes after the check of the depth; it makes parsing several times slower.
  return ok(riskyNumber.test(text) ? JSON.parse(text, keepDigits) : value);
};

export const parseJsonBytes = (bytes: Buffer): Result<unknown, "not-json" | "too-deep"> => {
  if (!isUtf8(bytes)) return fail("not-json", "no UTF-8");
  const text = bytes.toString("utf8");
  return parseJson(text.startsWith("\uFEFF") ? text.slice(1) : text);
};

/** The only item of an array, and of the array in it. */
export const single = (value: unknown): unknown => {
  let inner = value;
  while (Array.isArray(inner) && inner.length === 1) inner = inner[0];
  return inner;
};

/** The object or array that a text holds; the value itself when it is no such text. */
export const parsedWithin = (value: unknown): unknown => {
  if (typeof value !== "string" || !/^\s*[[{"]/.test(value)) return value;
  const parsed = parseJson(value);
  return parsed.ok ? parsed.value : value;
};

/** The object that is meant: itself, or the only item of an array, or written as JSON text, once or twice. */
export const toObject = (value: unknown): JsonObject | undefined => {
  let inner = single(value);
  for (let encodings = 0; encodings < 3 && typeof inner === "string"; encodings++) {
    inner = single(parsedWithin(inner));
  }
  return isObject(inner) ? inner : undefined;
};
