/**
 * What few plans need of the kernels, so that `compile` loads it for those alone: convolution's variants for software adapters and for several
 * groups of channels, its plain variant, its weights in half precision, how long each takes on a software adapter;
 * the layout of operands in parts; and the clipping of gradients.
 */
export { depthwiseForward, depthwiseInputGrad, depthwiseWeightGrad } from "./conv2d-depthwise.ts";
export { plainForward, plainInputGrad, plainWeightGrad } from "./conv2d-plain.ts";
export { microsecondsOnSoftware } from "./conv2d-software.ts";
export { narrowing } from "./half.ts";
export { assembling, splittingOutput } from "./source-layouts.ts";
export { stripForward, stripInputGrad, stripWeightGrad } from "./conv2d-strip.ts";
export { subgroupForward, subgroupInputGrad, subgroupWeightGrad } from "./conv2d-subgroup.ts";
export { normDispatch, squaresDispatches } from "./gradient-norm-lowering.ts";
