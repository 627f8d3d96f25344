/**
 * The library's public API that needs Node.
 *
 * @module mganet-webgpu/node
 */
export { openGpu } from "./open-gpu.ts";
export { AdapterError, type DawnOptions } from "./dawn.ts";
export type { PrepareSize } from "../data/crop-image.ts";
export type { Prepared } from "../data/sample.ts";
export { prepareImage } from "./prepare-image.ts";
export { readPicture } from "./read-picture.ts";
export { tuningFiles } from "./tuning-store.ts";
