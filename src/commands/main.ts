import { codeOf, isSystemError, realFiles } from "../io/journal/files.ts";
import { readArguments, type CommandName } from "./arguments.ts";
import { runCapture } from "./capture.ts";
import { exportRecords } from "./export.ts";
import { help } from "./help.ts";
import { readKeys } from "./keys.ts";
import { list } from "./list.ts";
import { createOutput, tellWrong } from "./output.ts";
import { faultOfDirectory, type Context } from "./records.ts";
import { skip } from "./skip.ts";
import { status } from "./status.ts";
import { verify } from "./verify.ts";

const commands: Record<CommandName, (context: Context) => Promise<number>> = {
  status,
  list,
  verify,
  export: exportRecords,
  skip,
};

/** What a command line sees of its process. */
export type Surroundings = Pick<NodeJS.Process, "env" | "stdout" | "stderr">;

const runOn = async (name: CommandName, context: Context): Promise<number> => {
  try {
    const read = await readKeys(context.options);
    const fault = "fault" in read ? read.fault : await faultOfDirectory(context.options.directory);
    if ("keys" in read && fault === null) return await commands[name]({ ...context, keys: read.keys });
    await context.say(fault ?? "");
  } catch (error) {
    if (!(error instanceof Error && isSystemError(error))) throw error;
    const isTaken = codeOf(error) === "EEXIST" && context.options.out !== null;
    await context.say(
      isTaken
        ? `${context.options.out} is there already and is never overwritten: name another file`
        : error.message,
    );
  }
  return 1;
};

/** Runs the command that the arguments name, and gives the exit code: 0 done, 1 not done or damage found, 2 wrong arguments. */
export const runCommand = async (
  args: readonly string[],
  { env, stdout, stderr }: Surroundings,
): Promise<number> => {
  const out = createOutput(stdout);
  const words = createOutput(stderr);
  if (args[0] === "capture") return runCapture(args.slice(1), out, words);
  const read = readArguments(args, env);
  switch (read.kind) {
    case "help":
      await out.line(help);
      return 0;
    case "wrong":
      return tellWrong(words, { ...read, help: "help" });
    case "command": {
      const say = (text: string) => words.line(`journal ${read.name}: ${text}`);
      return runOn(read.name, {
        options: read.options,
        out,
        say,
        files: realFiles,
        keys: [],
        clock: Date.now,
      });
    }
  }
};
