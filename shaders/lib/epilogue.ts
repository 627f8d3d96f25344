/** What a convolution does with each value of its result before it is written: relu?(value + bias? + plus?). */
import { rectified } from "./vec.ts";

export interface Epilogue {
  /** A vector over the result's channels. */
  bias: boolean;
  /** A tensor of the result's shape. */
  plus: boolean;
  relu: boolean;
}

export const noEpilogue: Epilogue = { bias: false, plus: false, relu: false };

/** Its operands, in the order in which they are bound, before the result. */
export const epilogueOperands = ({ bias, plus }: Epilogue): ("bias" | "plus")[] => [
  ...(bias ? (["bias"] as const) : []),
  ...(plus ? (["plus"] as const) : []),
];

/** Declares the ReLU of an epilogue, for values of `type`. */
export const rectifier = ({ relu }: Epilogue, type: string): string =>
  relu ? `\nfn rectified(v: ${type}) -> ${type} { return ${rectified("v", type)}; }` : "";

/** WGSL for the finished value written at index `at`, given WGSL for its channels' bias. Needs `rectifier`. */
export function finish(e: Epilogue, value: string, bias: string, at: string): string {
  const sum = [value, ...(e.bias ? [bias] : []), ...(e.plus ? [`plus[${at}]`] : [])].join(" + ");
  return e.relu ? `rectified(${sum})` : sum;
}
