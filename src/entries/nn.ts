/**
 * `mganet-webgpu/nn`: layers, modules, and the values that they begin with. Names and options are PyTorch's; where a default or initial value
 * differs, as for the weights of convolutions, its description says so.
 *
 * @module mganet-webgpu/nn
 */
export { Flatten, GELU, Identity, ReLU, Sigmoid, Softmax, Tanh, type GELUOptions } from "../nn/activations.ts";
export { Dropout, type DropoutOptions } from "../nn/dropout.ts";
export {
  BatchNorm2d,
  Conv2d,
  LayerNorm,
  Linear,
  type BatchNorm2dLayerOptions,
  type Conv2dLayerOptions,
  type LinearOptions,
} from "../nn/layers.ts";
export type { Draw } from "../nn/draws.ts";
export type { Layout, SavedTensor } from "../nn/layout.ts";
export { initialValues, initialValuesBy, usualRule, type InitialRule } from "../nn/init.ts";
/** torch.nn.init's distributions, for `initialValuesBy`. */
export * as init from "../nn/initialisers.ts";
export {
  Module,
  ModuleError,
  Parameter,
  type ParameterOptions,
  StateDictError,
  type GivenState,
  type Init,
  type SavedState,
  type StateDict,
} from "../nn/module.ts";
export { ModuleList } from "../nn/module-list.ts";
export {
  AdaptiveAvgPool2d,
  AvgPool2d,
  GlobalAvgPool2d,
  MaxPool2d,
  Upsample,
  type UpsampleOptions,
} from "../nn/pooling.ts";
export { Sequential, type Layer } from "../nn/sequential.ts";
