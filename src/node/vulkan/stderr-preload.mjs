/** Preloaded before a program: connects it to the real standard error, without Dawn's warnings. See stderr.mjs. */
import { restoreStderr } from "./stderr.mjs";

restoreStderr();
