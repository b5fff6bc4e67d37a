import { parse, textIn, type Values } from "./arguments.ts";

export const captureHelp = `node src/main.ts capture try --body FILE --headers FILE --secret-file FILE [--query TEXT] [--json]

Tries the known ways to sign on one delivery, says which of them gives its signature, and which settings to use.

  --body FILE          the body, byte by byte as it came
  --headers FILE       one header a line, as Name: value; a request line before them is welcome
  --secret-file FILE   the key as eSignGlobal shows it, or name:secret as for HMAC_KEYS; it is never shown
  --query TEXT         what stood behind the question mark, if there is no request line
  --json               one object

Needs no setting, no bridge and no network. Exit codes: 0 a way was found, 1 none was (or a file cannot be read), 2 wrong arguments.`;

export const captureExample = "capture try --body body.json --headers headers.txt --secret-file key.txt";
const options = {
  body: { type: "string" },
  headers: { type: "string" },
  "secret-file": { type: "string" },
  query: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Paths = { readonly body: string; readonly headers: string; readonly secret: string };
export type Wanted = Paths & { readonly query: string | null; readonly json: boolean };
type Arguments = Wanted | { readonly help: true } | { readonly wrong: string };

const readWanted = (values: Values, surplus: string | undefined): Arguments => {
  if (values["help"] === true) return { help: true };
  if (surplus !== undefined) return { wrong: `${JSON.stringify(surplus)} is one argument too many` };
  const [body = "", headers = "", secret = ""] = ["body", "headers", "secret-file"].map(
    (name) => textIn(values, name) ?? "",
  );
  return [body, headers, secret].includes("")
    ? { wrong: "--body, --headers and --secret-file each need a file" }
    : { body, headers, secret, query: textIn(values, "query"), json: values["json"] === true };
};

export const readCaptureArguments = (args: readonly string[]): Arguments => {
  const [name = "help", ...rest] = args;
  if (name === "help" || name === "--help" || name === "-h") return { help: true };
  if (name !== "try") return { wrong: `there is no capture ${JSON.stringify(name)}, only try` };
  const parsed = parse(rest, options);
  return typeof parsed === "string" ? { wrong: parsed } : readWanted(parsed.values, parsed.positionals[0]);
};
