/** What `readYaml` gives. */
export type Yaml = string | null | readonly Yaml[] | { readonly [key: string]: Yaml };

type Line = { readonly indent: number; readonly text: string; readonly number: number };
type Reader = { readonly lines: readonly Line[]; at: number };

/**
 * The part of YAML that our own files use: block mappings, block lists, quoted and plain texts on one line, lists in JSON.
 * Throws at anything else, so that it never reads a file as something that it does not say. All scalars stay texts.
 */
export const readYaml = (text: string): Yaml => {
  const reader = { lines: linesOf(text), at: 0 };
  const value = readBlock(reader, 0);
  const left = reader.lines[reader.at];
  if (left !== undefined) throw new SyntaxError(`line ${left.number} stands too far in or out`);
  return value;
};

const withoutComment = (line: string): string => {
  if (/^\s*#/.test(line)) return "";
  const quoted = /^[^"']*?(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')/.exec(line)?.[0] ?? "";
  return quoted + line.slice(quoted.length).replace(/\s#.*$/, "");
};

const linesOf = (text: string): Line[] =>
  text.split("\n").flatMap((raw, index) => {
    const line = withoutComment(raw).trimEnd();
    if (line.includes("\t")) throw new SyntaxError(`line ${index + 1} has a tab`);
    const indent = line.length - line.trimStart().length;
    return line === "" ? [] : [{ indent, text: line.trimStart(), number: index + 1 }];
  });

const readBlock = (reader: Reader, indent: number): Yaml => {
  const first = reader.lines[reader.at];
  if (first === undefined || first.indent < indent) return null;
  return first.text.startsWith("- ") ? readList(reader, first.indent) : readMapping(reader, first.indent);
};

const readList = (reader: Reader, indent: number): Yaml => {
  const items: Yaml[] = [];
  const lines = [...reader.lines];
  for (let line = lines[reader.at]; line?.indent === indent; line = lines[reader.at]) {
    if (!line.text.startsWith("- ")) break;
    const inner = { ...line, indent: indent + 2, text: line.text.slice(2) };
    if (keyOf(inner) === null) {
      items.push(scalarOf(inner.text, line.number));
      reader.at += 1;
      continue;
    }
    // `- key: value` is a mapping that begins behind the dash.
    lines[reader.at] = inner;
    const nested = { lines: [...lines], at: reader.at };
    items.push(readMapping(nested, inner.indent));
    reader.at = nested.at;
  }
  return items;
};

const keyOf = ({ text }: Line): { readonly key: string; readonly rest: string } | null => {
  const [, key, rest = ""] = /^([\w./-]+):(?: +(.*))?$/.exec(text) ?? [];
  return key === undefined ? null : { key, rest };
};

const readMapping = (reader: Reader, indent: number): Yaml => {
  const entries = new Map<string, Yaml>();
  for (let line = reader.lines[reader.at]; line?.indent === indent; line = reader.lines[reader.at]) {
    const found = keyOf(line);
    if (found === null) throw new SyntaxError(`line ${line.number} is not understood: ${line.text}`);
    const { key, rest } = found;
    if (entries.has(key)) throw new SyntaxError(`line ${line.number} gives ${key} a second time`);
    reader.at += 1;
    entries.set(key, rest === "" ? readBlock(reader, indent + 1) : scalarOf(rest, line.number));
  }
  return Object.fromEntries(entries);
};

const scalarOf = (text: string, number: number): Yaml => {
  if (/^["[]/.test(text)) return textsOf(JSON.parse(text), number);
  if (/^[&*!|>%@`{}'?]|^- |: |:$/.test(text))
    throw new SyntaxError(`line ${number} is not understood: ${text}`);
  return text;
};

const textsOf = (value: unknown, number: number): Yaml => {
  if (Array.isArray(value)) return value.map((item: unknown) => textsOf(item, number));
  if (typeof value !== "string") throw new SyntaxError(`line ${number} holds something other than texts`);
  return value;
};
