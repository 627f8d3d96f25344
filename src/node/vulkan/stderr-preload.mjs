import { restoreStderr } from "./stderr.mjs";

restoreStderr();
