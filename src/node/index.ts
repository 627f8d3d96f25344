/** The library's public API that needs Node. */
export { openGpu } from "./open-gpu.ts";
export { AdapterError, type DawnOptions } from "./dawn.ts";
export { prepareImage } from "./prepare-image.ts";
export { readPicture } from "./read-picture.ts";
export { tuningFiles } from "./tuning-store.ts";
