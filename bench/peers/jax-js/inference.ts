/** Inference in jax-js: one jitted function, batch norm folded into the convolutions. */
import { jit, nn, tree, type JsTree } from "@jax-js/jax";
import type { Gpu } from "../../../src/gpu/gpu.ts";
import { foldAll } from "../fold.ts";
import type { InferenceImplementation, InferenceSetup } from "../peer.ts";
import { conv } from "./layers.ts";
import { kindOfLayout, reordered, submit, toJax, upload, useDevice, type JaxArray } from "./library.ts";
import type { ConvBlock, Parameters } from "./network.ts";
import { jaxNetworks } from "./networks.ts";

type Tree = JsTree<JaxArray>;

export async function createInference(gpu: Gpu, setup: InferenceSetup): Promise<InferenceImplementation> {
  await useDevice(gpu);
  const network = jaxNetworks[setup.network];
  const parameters = parametersOf(setup);
  const run = jit((p: Tree, image: JaxArray) => {
    const parameters = p as Parameters;
    const block: ConvBlock = (path, _, x, { stride = 1, relu, residual }) => {
      const bias = parameters[`${path}.bias`]!;
      const y = conv(x, parameters[`${path}.weight`]!, stride).add(bias.ref.reshape([1, bias.size, 1, 1]));
      const sum = residual ? y.add(residual.ref) : y;
      return relu ? nn.relu(sum) : sum;
    };
    const { logits, mask } = network.forward(image, parameters, setup.options, { conv, block });
    return { probabilities: nn.softmax(logits, -1), ...(mask ? { mask } : {}) };
  });
  const image = reordered(setup.image, [setup.n, ...setup.size, 3], "activation");
  return {
    async infer() {
      const out = run(tree.ref(parameters), upload(image));
      await submit(out.probabilities.ref);
      const mask = out.mask && ((await gpu.wait(out.mask.data())) as Float32Array);
      const p = (await gpu.wait(out.probabilities.data())) as Float32Array;
      gpu.check();
      // One channel: the mask is the same in both layouts.
      return { malignant: Float32Array.from({ length: setup.n }, (_, i) => p[2 * i + 1]!), mask };
    },
    destroy() {
      tree.dispose(parameters);
      run.dispose();
    },
  };
}

function parametersOf({ parameters }: InferenceSetup): Parameters {
  const arrays: Parameters = {};
  const { convolutions, others } = foldAll(parameters);
  for (const [path, { shape, weight, bias }] of convolutions) {
    arrays[`${path}.weight`] = toJax(weight, shape, "weight");
    arrays[`${path}.bias`] = toJax(bias, [bias.length], "other");
  }
  for (const [name, { shape, data, layout }] of others) arrays[name] = toJax(data, shape, kindOfLayout(layout));
  return arrays;
}
