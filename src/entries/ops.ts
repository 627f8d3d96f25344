/**
 * `mganet-webgpu/ops`: ops of one's own, from WGSL, with their gradients, and checks of both.
 *
 * @module mganet-webgpu/ops
 */
export { defineOp, type DefinedOp, type OpDefinition, type UniformValue } from "../autograd/define-op.ts";
export {
  checkOp,
  gradcheck,
  GradcheckError,
  type Checked,
  type CheckedInput,
  type GradcheckOptions,
  type OpCases,
  type OpReference,
  type ValueRange,
} from "../autograd/gradcheck.ts";
