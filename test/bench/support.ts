/** A setup so small that every peer can be tested on it. */
import { readFileSync } from "node:fs";
import type { ParameterValue, StepSetup } from "../../bench/peers/peer.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { MGANet } from "../../src/models/mganet/network.ts";
import { fromTorch, permute } from "../../src/nn/layout.ts";
import { mganet } from "../../src/models/mganet/spec.ts";
import { caseShape } from "../../src/models/parity-case.ts";

/** PyTorch's smallest case of parallel fusion at all scales: the setup, and the gradients, in our layout. */
export function readReference(): { setup: StepSetup; gradients: Map<string, Float32Array> } {
  const file = "mganet-parallel.safetensors";
  const { metadata, tensors } = parseSafetensors(
    readFileSync(new URL(`../reference/data/${file}`, import.meta.url)),
    file,
  );
  const { batch: n, height, width, lr } = caseShape(metadata);
  const { alpha, width: factor, fusion, at } = mganet.parity.settings(metadata);
  const model = { width: factor, fusion, at };
  const floats = (name: string) => tensors.get(name)!.data as Float32Array;
  const parameters = new Map<string, ParameterValue>();
  const gradients = new Map<string, Float32Array>();
  for (const [name, { shape, layout, trainable }] of new MGANet(model).named()) {
    parameters.set(name, { shape, layout, data: fromTorch(floats(`init.${name}`), shape, layout), trainable });
    if (trainable) gradients.set(name, fromTorch(floats(`grad.${name}`), shape, layout));
  }
  const batch = {
    image: permute(floats("in.image"), [n, 3, height, width], [0, 2, 3, 1]),
    label: Uint32Array.from(tensors.get("in.label")!.data as Int32Array),
    target: floats("in.target"),
    ids: Array.from({ length: n }, (_, i) => String(i)),
  };
  return {
    setup: { network: "mganet", options: { ...model, alpha }, size: [height, width], batch, lr, parameters },
    gradients,
  };
}
