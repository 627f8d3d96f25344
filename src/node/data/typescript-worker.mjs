// Entry file of a worker thread that runs TypeScript sources: registers tsx, which does not reach worker threads through
// execArgv, then runs the given file. Not used from dist/, where the workers are JavaScript.
import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";
import { hasFewFiles, readFewAtOnce } from "../vulkan/few-files.mjs";

register();
if (hasFewFiles()) readFewAtOnce();
await import(/** @type {{ file: string }} */ (workerData).file);
