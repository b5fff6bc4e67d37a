import { isSystemError } from "../io/journal/files.ts";
import { captureExamples, captureHelp, readCaptureArguments } from "./capture-arguments.ts";
import { listen } from "./listen.ts";
import { type Output, tellWrong } from "./output.ts";
import { tryRecipes } from "./try.ts";

/** Runs `capture …` and gives the exit code. */
export const runCapture = async (args: readonly string[], out: Output, words: Output): Promise<number> => {
  const read = readCaptureArguments(args);
  try {
    switch (read.kind) {
      case "help":
        await out.line(captureHelp);
        return 0;
      case "wrong":
        return await tellWrong(words, {
          why: read.why,
          example: captureExamples[read.about],
          help: "capture help",
        });
      case "try":
        return await tryRecipes(read, out);
      case "listen":
        return await listen(read, out);
    }
  } catch (error) {
    if (!(error instanceof Error && isSystemError(error))) throw error;
    await words.line(`capture ${read.kind}: ${error.message}`);
    return 1;
  }
};
