import { type File, type Files, realFiles } from "../../src/io/journal/files.ts";
import { systemError } from "./modelFiles.ts";

export const pageBytes = 4096;

/** Reads of this page of any file of the name fail as a bad sector does, as long as it is bad. */
export const withBadPage = (page: number, name: RegExp, isBad: () => boolean = () => true): Files => {
  const spoil = (file: File): File => ({
    ...file,
    read: (into, position) => {
      const hit = position < (page + 1) * pageBytes && position + into.length > page * pageBytes;
      return hit && isBad() ? Promise.reject(systemError("EIO", "read")) : file.read(into, position);
    },
  });
  const opened = async (opening: Promise<File>, path: string): Promise<File> =>
    name.test(path) ? spoil(await opening) : opening;
  return {
    ...realFiles,
    openToRead: (path) => opened(realFiles.openToRead(path), path),
    openToUpdate: (path) => opened(realFiles.openToUpdate(path), path),
  };
};
