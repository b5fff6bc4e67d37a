import type { Options } from "../options.ts";
import type { Place } from "../place.ts";

/** Gives its figures by name. */
export type Measurement = (
  options: Options,
  place: Place,
  report: (line: string) => void,
) => Promise<Readonly<Record<string, number>>>;
