/**
 * The library's public API for pages and their workers: `mganet-webgpu/web`.
 *
 * @module mganet-webgpu/web
 */
export { AdapterError, openGpu, type PageGpuOptions } from "./open-gpu.ts";
export { imageDataOf } from "./decode/image-data.ts";
export { openPictureFile } from "./decode/open-picture-file.ts";
export {
  PicturePredictor,
  type PictureNetworkOptions,
  type PicturePrediction,
  type PicturePredictorOptions,
} from "../runs/picture-predictor.ts";
export type { Levels } from "../data/grey-image.ts";
export type { PictureSize } from "../data/annotation-frame.ts";
export type { Outline } from "../explain/outline.ts";
export type { Colours, PictureFile } from "../data/pictures/picture-file.ts";
export { DataError, type Box, type Classes } from "../data/sample.ts";
