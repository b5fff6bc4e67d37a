import type { ParseArgsOptionsConfig } from "node:util";
import { parse, textIn, type Values } from "./arguments.ts";

export const captureHelp = `node src/main.ts capture <command> [options]

  try --body FILE --headers FILE --secret-file FILE
                              tries the known ways to sign on one delivery; says which of them gives its signature, and
                              which settings to use
      --body FILE             the body, byte by byte as it came
      --headers FILE          one header a line, as Name: value; a request line before them is welcome
      --secret-file FILE      the key as eSignGlobal shows it, or name:secret as for HMAC_KEYS; it is never shown
      --query TEXT            what stood behind the question mark, if there is no request line
      --json                  one object
  listen --port N --out DIR   takes one POST into the files DIR/body and DIR/headers (new, 0600: with all that it holds), answers
                              it 503, so that eSignGlobal sends it again, and ends
      --host ADDRESS          where to listen; else 127.0.0.1
  help                        this text

Neither needs a setting or a bridge.

Exit codes: 0 a way was found, or a delivery taken; 1 not so, or a file or port cannot be had; 2 wrong arguments.`;

export const captureExamples = {
  try: "capture try --body delivery/body --headers delivery/headers --secret-file key.txt",
  listen: "capture listen --port 8090 --out delivery",
};
export type CaptureName = keyof typeof captureExamples;

const text = { type: "string" } as const;
const help = { type: "boolean", short: "h" } as const;
const options: Readonly<Record<CaptureName, ParseArgsOptionsConfig>> = {
  try: { body: text, headers: text, "secret-file": text, query: text, json: { type: "boolean" }, help },
  listen: { port: text, out: text, host: text, help },
};

export type Wanted = {
  readonly kind: "try";
  readonly body: string;
  readonly headers: string;
  readonly secret: string;
  readonly query: string | null;
  readonly json: boolean;
};
export type Listening = {
  readonly kind: "listen";
  readonly host: string;
  readonly port: number;
  readonly directory: string;
};
type Wrong = { readonly kind: "wrong"; readonly about: CaptureName; readonly why: string };
export type CaptureArguments = Wanted | Listening | { readonly kind: "help" } | Wrong;

const wrong = (about: CaptureName, why: string): Wrong => ({ kind: "wrong", about, why });

const readTry = (values: Values): CaptureArguments => {
  const [body = "", headers = "", secret = ""] = ["body", "headers", "secret-file"].map(
    (name) => textIn(values, name) ?? "",
  );
  return [body, headers, secret].includes("")
    ? wrong("try", "--body, --headers and --secret-file each need a file")
    : { kind: "try", body, headers, secret, query: textIn(values, "query"), json: values["json"] === true };
};

const readListen = (values: Values): CaptureArguments => {
  const [port = "", directory = ""] = ["port", "out"].map((name) => textIn(values, name) ?? "");
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    return wrong("listen", "--port takes a number up to 65535");
  if (directory === "") return wrong("listen", "--out needs a new folder");
  return { kind: "listen", host: textIn(values, "host") ?? "127.0.0.1", port: Number(port), directory };
};

const readCommand = (name: CaptureName, args: readonly string[]): CaptureArguments => {
  const parsed = parse(args, options[name]);
  if (typeof parsed === "string") return wrong(name, parsed);
  const { values, positionals } = parsed;
  if (values["help"] === true) return { kind: "help" };
  if (positionals[0] !== undefined)
    return wrong(name, `${JSON.stringify(positionals[0])} is one argument too many`);
  return name === "try" ? readTry(values) : readListen(values);
};

export const readCaptureArguments = (args: readonly string[]): CaptureArguments => {
  const [name = "help", ...rest] = args;
  if (name === "help" || name === "--help" || name === "-h") return { kind: "help" };
  if (name === "try" || name === "listen") return readCommand(name, rest);
  return wrong("try", `there is no capture ${JSON.stringify(name)}: try, listen, help`);
};
