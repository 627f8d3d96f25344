/**
 * `mganet-webgpu/io`: weights in files.
 *
 * @module mganet-webgpu/io
 */
export {
  parseSafetensors,
  serializeSafetensors,
  SafetensorsError,
  type SafeDtype,
  type SafeTensor,
  type SafetensorsFile,
} from "../data/safetensors.ts";
export { TorchFileError } from "../data/torch/torch-file.ts";
export { load, save, type LoadedNames, type LoadOptions } from "../io/save-load.ts";
export { fromTorch, WeightsError } from "../io/weights.ts";
export { ExportError, type Precision } from "../export/half.ts";
export { toOnnx, type OnnxOptions } from "../export/onnx/to-onnx.ts";
export { toPytorch } from "../export/pytorch.ts";
