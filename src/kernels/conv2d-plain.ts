/** The plain variant of convolution's three passes (shaders/conv2d_plain.wgsl.ts), which covers all: one thread per element of the result. */
import { conv2dPlainForward, conv2dPlainInputGrad, conv2dPlainWeightGrad } from "../../shaders/conv2d_plain.wgsl.ts";
import { convParams, type Conv2dShape } from "../../shaders/lib/conv.ts";
import { epilogueOperands, noEpilogue, type Epilogue } from "../../shaders/lib/epilogue.ts";
import { input, output, type Lowering } from "./kernel.ts";
import { single, threadDispatch } from "./per-thread.ts";

function plain(
  label: string,
  s: Conv2dShape,
  elements: number,
  epilogue: Epilogue,
  code: (threads: number) => string,
): Lowering {
  const bindings = [input(0), input(1), ...epilogueOperands(epilogue).map((_, i) => input(2 + i)), output(0)];
  return single(
    "plain",
    threadDispatch(label, elements, bindings, ({ threads }) => code(threads), convParams(s)),
  );
}

export const plainForward = (s: Conv2dShape, epilogue: Epilogue): Lowering =>
  plain("conv2d", s, s.n * s.oh * s.ow * s.co, epilogue, (threads) => conv2dPlainForward(s, epilogue, threads));

export const plainInputGrad = (s: Conv2dShape, epilogue: Epilogue): Lowering =>
  plain("conv2d.inputGrad", s, s.n * s.h * s.w * s.ci, epilogue, (threads) =>
    conv2dPlainInputGrad(s, epilogue, threads),
  );

export const plainWeightGrad = (s: Conv2dShape): Lowering =>
  plain("conv2d.weightGrad", s, (s.kh * s.kw * s.ci * s.co) / s.groups, noEpilogue, (threads) =>
    conv2dPlainWeightGrad(s, threads),
  );
