/** What only Node has, for users of the library. */
export { openGpu } from "./open-gpu.ts";
export { AdapterError, type DawnOptions } from "./dawn.ts";
export { prepareImage } from "./data/prepare-image.ts";
export { tuningFiles } from "./tuning-store.ts";
