/** Operands of a kernel benchmark: numbers that depend on nothing but the case. */
import { randomStream } from "../../src/nn/random.ts";
import { nameOf, operandsOf, type KernelCase } from "./case.ts";

/** An operand in our layout. */
export interface Operand {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type Operands = ReadonlyMap<string, Operand>;

/** Numbers repeat after so many, a prime, so that they are soon made and no two rows of an operand are alike. */
const PERIOD = 65521;

export function dataOf(c: KernelCase): Operands {
  const operands = new Map<string, Operand>();
  for (const [name, shape] of Object.entries(operandsOf(c))) {
    const random = randomStream(0, `${nameOf(c)} ${name}`);
    // A mask holds probabilities. Everything else is spread around zero; weights a little less, as in a network.
    const draw = name === "mask" ? () => random.uniform() : () => 0.5 * random.normal();
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    const some = Float32Array.from({ length: Math.min(PERIOD, data.length) }, draw);
    for (let i = 0; i < data.length; i += PERIOD) data.set(some.subarray(0, data.length - i), i);
    operands.set(name, { shape, data });
  }
  return operands;
}
