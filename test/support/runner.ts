/** Runs any case of test/reference on a device. Also runs in a browser, called by the page of test/browser. */
import { parseSafetensors } from "../../src/data/safetensors.ts";
import type { Gpu } from "../../src/gpu/gpu.ts";
import { compareCase, runCase, type Comparison } from "../../src/models/parity.ts";
import { checkOp } from "./check-op.ts";
import { checkOptimizer, optimizers } from "./check-optimizer.ts";
import { dataFile, parseReference, parseTable, type OpCase, type Reference } from "./reference.ts";
import { withVariants, type Checked, type Rounds, type Seen } from "./variants.ts";

/** A runner returns its comparisons and never throws them: it may run in another process. */
export interface Runner {
  /** Runs a case of an op, in these rounds of the kernel variants that the adapter offers. */
  op(op: string, name: string, which?: Rounds): Promise<Checked>;
  /**
   * Runs the network of data/<name>.safetensors: one pass, training steps and inference. Only with the default variants:
   * every other mix rounds differently, and some put a ReLU's input on the other side of its kink.
   */
  network(name: string): Promise<Comparison[]>;
}

/** Cases whose inputs lie on a kink, where a difference quotient is not the gradient, or are ill-conditioned on purpose. */
const unsuited = /tie|constant|same|zero|flat|edge|large|lowest|after-relu|two-values|two-pixels|narrow/;

/** @param load a file below test/reference */
export async function makeRunner(gpu: Gpu, load: (file: string) => Promise<Uint8Array>): Promise<Runner> {
  const table = parseTable(new TextDecoder().decode(await load("cases.json")));
  const references = new Map<string, Promise<Reference>>();
  const referenceOf = (op: string): Promise<Reference> => {
    let reference = references.get(op);
    if (!reference) references.set(op, (reference = load(dataFile(op)).then((bytes) => parseReference(bytes, op))));
    return reference;
  };
  const seen: Seen = new Set();
  const find = (op: string, name: string): OpCase => {
    const found = table[op]?.find((testCase) => testCase.name === name);
    if (!found) throw new Error(`cases.json has no case ${op}/${name}`);
    return found;
  };
  return {
    async op(op, name, which) {
      const testCase = find(op, name);
      const reference = await referenceOf(op);
      const smooth = op === "conv2d" || !unsuited.test(name);
      return withVariants(
        (choice, round) =>
          optimizers.has(op)
            ? checkOptimizer(gpu, op, testCase, reference, choice)
            : checkOp(gpu, op, testCase, reference, { choice, differences: smooth && round === 0 }),
        which,
        seen,
      );
    },
    async network(name) {
      const file = dataFile(name);
      const { metadata, tensors } = parseSafetensors(await load(file), file);
      return compareCase(await runCase(gpu, metadata, tensors), metadata, tensors);
    },
  };
}
