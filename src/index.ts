/** The library: everything here runs on Node and in the browser. On Node, `mganet-webgpu/node` opens the device. */
export { Gpu, GpuError, type Counters, type GpuOptions } from "./gpu/gpu.ts";
export type { Capabilities } from "./gpu/capabilities.ts";
export { ShapeError } from "./kernels/kernel.ts";
export { Graph, type GraphOptions } from "./graph/graph.ts";
export { compile, kernelsOf, PlanError, type CompileOptions } from "./graph/compile.ts";
export { setChoice, type Choice } from "./graph/choice.ts";
export { Plan, type PlanSummary } from "./graph/plan.ts";
export { profilePlan, type NodeProfile } from "./graph/profile.ts";
export { chromeTrace } from "./graph/trace.ts";
export { readVariable, Slab, writeVariable } from "./graph/storage.ts";
export { Tensor, Variable } from "./graph/tensor.ts";
export { TuningRecord } from "./tune/record.ts";
export { webStore, type TuningStore } from "./tune/store.ts";
export { tasksOf, tune } from "./tune/tuner.ts";
export { gradients } from "./autograd/gradients.ts";
export { conv2d, flattenedLinear, linear, type Conv2dOptions } from "./autograd/conv2d.ts";
export { batchNorm2d } from "./autograd/batchnorm.ts";
export { add, bceWithLogits, gelu, mean, mul, relu, scale, sigmoid, sum } from "./autograd/elementwise.ts";
export { dropout, dropScale, stochasticDepth, type Drop } from "./autograd/dropout.ts";
export { channelMeanMax, mulChannels, mulMap, mulSamples } from "./autograd/gating.ts";
export { adaptiveAvgPool2d, avgPool2d, globalMaxPool, type AvgPool2dOptions } from "./autograd/pooling.ts";
export { cat, globalAvgPool, interpolate, maxPool2d, split, type MaxPool2dOptions } from "./autograd/spatial.ts";
export { matmul, softmax, type MatmulForm, type SoftmaxOptions } from "./autograd/matmul.ts";
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
export {
  BatchNorm2d,
  Conv2d,
  Linear,
  type BatchNorm2dLayerOptions,
  type Conv2dLayerOptions,
  type LinearOptions,
} from "./nn/layers.ts";
export { initialValues, initialValuesBy, usualRule, type InitialRule } from "./nn/init.ts";
export * as draws from "./nn/draws.ts";
export { Module, ModuleError, ModuleList, Parameter, StateDictError, type StateDict } from "./nn/module.ts";
export { MGA } from "./models/mganet/mga.ts";
export { MGANet, paperOptions, type MGANetOptions } from "./models/mganet/network.ts";
export { ResNet34, type ResNet34Options } from "./models/resnet34/network.ts";
export { BasicBlock, ResNet } from "./models/shared/resnet.ts";
export { UNet } from "./models/mganet/unet.ts";
export { Adam, adamDefaults, slabsOf, type AdamOptions } from "./optim/adam.ts";
export { parseCheckpoint, loadWeights, CheckpointError } from "./train/checkpoint.ts";
export { jointLoss, segmentationLoss } from "./models/mganet/losses.ts";
export { Predictor, type Inference, type Prediction } from "./train/predictor.ts";
export { parseSafetensors, serializeSafetensors, SafetensorsError } from "./data/safetensors.ts";
