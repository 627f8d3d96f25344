/**
 * `mganet-webgpu`: the engine. Devices, tensors, ops with their gradients, losses, plans. It runs on Node and in the browser; on Node,
 * `mganet-webgpu/node` opens the device. Layers are in `/nn`, optimisers in `/optim`, the training of one's own networks in `/train`,
 * files of weights in `/io`, networks in `/models`.
 *
 * @module mganet-webgpu
 */
export {
  DeviceLostError,
  Gpu,
  GpuError,
  OutOfMemoryError,
  type Counters,
  type GpuErrorCode,
  type GpuOptions,
} from "./gpu/gpu.ts";
export type { AdapterClass, Capabilities, Restrictions } from "./gpu/capabilities.ts";
export { ShapeError, type DType, type HostArray, type Kernel, type Spec } from "./kernels/kernel.ts";
export { Graph, type GraphOptions, type Moded, type RecordOptions } from "./graph/graph.ts";
export { compile, PlanError, type CompileOptions, type NamedTensors } from "./graph/compile.ts";
export { kernelsOf } from "./graph/preview.ts";
export { setChoice, type Choice } from "./graph/choice.ts";
export { Plan, type PlanSummary, type ValuesOf } from "./graph/plan.ts";
export { profilePlan, type NodeProfile } from "./graph/profile.ts";
export { chromeTrace, type NamedProfile, type TraceEvent } from "./graph/trace.ts";
export { readVariable, writeVariable } from "./graph/storage.ts";
export { Tensor, Variable, type Node } from "./graph/tensor.ts";
export { TuningRecord } from "./tune/record.ts";
export { webStore, type TuningStore } from "./tune/store.ts";
export { tasksOf, tune, type Task, type TaskResult, type TuningOptions, type TuningResult } from "./tune/tuner.ts";
export { gradients } from "./autograd/gradients.ts";
export { conv2d, flattenedLinear, linear, type Conv2dOptions } from "./autograd/conv2d.ts";
export { batchNorm2d, type BatchNormOptions, type BatchNormParameters } from "./autograd/batchnorm.ts";
export { add, div, mul, sub, type Operand } from "./autograd/arithmetic.ts";
export { bceWithLogits, gelu, relu, scale, sigmoid } from "./autograd/elementwise.ts";
export { abs, clamp, exp, log, neg, pow, sqrt, tanh, type ClampOptions } from "./autograd/math.ts";
export { amax, mean, sum, type Dims } from "./autograd/reductions.ts";
export { expand, flatten, permute, reshape, squeeze, transpose, unsqueeze } from "./autograd/shape.ts";
export { matmul, softmax } from "./autograd/products.ts";
export { upsampleNearest } from "./autograd/upsample.ts";
export { l1Loss, mseLoss, type LossOptions, type Reduction } from "./autograd/regression.ts";
export { logSoftmax, nllLoss } from "./autograd/likelihood.ts";
export { dropout, dropScale, stochasticDepth, type Drop } from "./autograd/dropout.ts";
export { channelMeanMax, mulChannels, mulMap, mulSamples } from "./autograd/gating.ts";
export { adaptiveAvgPool2d, avgPool2d, globalMaxPool, type AvgPool2dOptions } from "./autograd/pooling.ts";
export { cat, globalAvgPool, interpolate, maxPool2d, split, type MaxPool2dOptions } from "./autograd/spatial.ts";
export {
  headMean,
  relativePositionBias,
  selfAttention,
  selfAttentionWithWeights,
  type AttentionWithWeights,
  type SelfAttentionSettings,
  type Shifted,
} from "./autograd/self-attention.ts";
export {
  firstToken,
  headsApart,
  headsTogether,
  layerNorm,
  prependToken,
  spaceToDepth,
  windowPartition,
  windowReverse,
  type Windows,
} from "./autograd/tokens.ts";
export { maskGuidedAttention, minMaxNormalize, type Fusion, type Gate } from "./autograd/attention.ts";
export { crossEntropy, diceLoss } from "./autograd/losses.ts";
