/** Loaded before a program: its standard error is the real one, without Dawn's warnings. See stderr.mjs. */
import { restoreStderr } from "./stderr.mjs";

restoreStderr();
