import type { File, Files } from "../../src/io/journal/files.ts";

/** Files, and how many are open. What failed to close is closed all the same, as on Linux. */
export const countedFiles = (files: Files): { readonly files: Files; readonly open: () => number } => {
  let open = 0;
  const counted = <T extends File>(file: T): T => {
    open += 1;
    const close = (): Promise<void> => {
      open -= 1;
      return file.close();
    };
    return { ...file, close };
  };
  return {
    files: {
      ...files,
      create: async (path) => counted(await files.create(path)),
      openToRead: async (path) => counted(await files.openToRead(path)),
      openToUpdate: async (path) => counted(await files.openToUpdate(path)),
    },
    open: () => open,
  };
};
