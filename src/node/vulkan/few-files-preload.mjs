/** Loaded before a program: keeps the compiled files of modules together. See few-files.mjs. */
import { readFewAtOnce } from "./few-files.mjs";

readFewAtOnce();
