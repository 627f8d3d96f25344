/** `mganet-webgpu/nn`: layers, modules, and the values that they begin with. */
export {
  BatchNorm2d,
  Conv2d,
  Linear,
  type BatchNorm2dLayerOptions,
  type Conv2dLayerOptions,
  type LinearOptions,
} from "../nn/layers.ts";
export { initialValues, initialValuesBy, usualRule, type InitialRule } from "../nn/init.ts";
export * as draws from "../nn/draws.ts";
export {
  Module,
  ModuleError,
  ModuleList,
  Parameter,
  StateDictError,
  type GivenState,
  type SavedState,
  type StateDict,
} from "../nn/module.ts";
