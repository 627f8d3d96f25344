/** Preloaded before a program: limits how many modules are read at once. See few-files.mjs. */
import { readFewAtOnce } from "./few-files.mjs";

readFewAtOnce();
