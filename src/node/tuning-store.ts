/** Tuning records as files in the project's cache folder. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { TuningStore } from "../tune/store.ts";
import { writeWhole } from "./files.ts";
import { cacheFolder } from "./vulkan/cache.mjs";

/** The path of a record's file. */
export const tuningFile = (name: string): string => path.join(cacheFolder(), "tuning", `${name}.json`);

/** Reading throws the file system's error; writing an InputError that names the file. */
export const tuningFiles: TuningStore = {
  async read(name) {
    const file = tuningFile(name);
    return existsSync(file) ? readFile(file, "utf8") : undefined;
  },
  write: (name, text) => writeWhole(tuningFile(name), text),
};
