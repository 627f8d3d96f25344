// Entry file of a worker thread that runs TypeScript sources: registers tsx, which does not reach worker threads through
// execArgv, then runs ./worker-thread.ts. Not used from dist/, where the workers are JavaScript.
import { register } from "tsx/esm/api";
import { hasFewFiles, readFewAtOnce } from "../vulkan/few-files.mjs";

register();
if (hasFewFiles()) readFewAtOnce();
await import(new URL("./worker-thread.ts", import.meta.url).href);
