/**
 * Convolution's variants for software adapters and for several groups of channels, the plain one, and the estimates for software adapters. Plans
 * for GPUs can do without them where there is one group, so they are loaded when they are needed (conv2d-order.ts).
 */
export { depthwiseForward, depthwiseInputGrad, depthwiseWeightGrad } from "./conv2d-depthwise.ts";
export { plainForward, plainInputGrad, plainWeightGrad } from "./conv2d-plain.ts";
export { microsecondsOnSoftware } from "./conv2d-software.ts";
export { stripForward, stripInputGrad, stripWeightGrad } from "./conv2d-strip.ts";
export { subgroupForward, subgroupInputGrad, subgroupWeightGrad } from "./conv2d-subgroup.ts";
