/** The recipes of docs/export.md load exported weights in PyTorch, which computes what this program does. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { toPytorch } from "../../src/export/pytorch.ts";
import { parseSafetensors } from "../../src/data/safetensors.ts";
import { widened } from "../../src/data/half-floats.ts";
import { permute } from "../../src/nn/layout.ts";
import { randomStream } from "../../src/nn/random.ts";
import { buildModel } from "../../src/train/build.ts";
import { checkConfig, PHANTOM, presetFor, type TrainConfig } from "../../src/train/config.ts";
import { temporaryFolder } from "../cli/support.ts";
import { useGpu } from "../support/gpu.ts";
import { relativeError } from "../support/reference.ts";
import { slow } from "../support/selection.ts";
import { computed, imagesOf, smallConfigs, smallNetwork, stirredState } from "./networks.ts";

const gpu = useGpu();
const dir = temporaryFolder();
const root = fileURLToPath(new URL("../..", import.meta.url));
const PYTHON = "/usr/bin/python3";
const recipes = [...readFileSync(path.join(root, "docs/export.md"), "utf8").matchAll(/```python\n([\s\S]*?)```/g)].map(
  ([, code]) => code!,
);
const [ofTorchvision, ofMganet] = [
  recipes.find((code) => code.includes("torchvision")),
  recipes.find((code) => code.includes("MGANet")),
] as [string, string];

const hasTorch = ((): boolean => {
  try {
    execFileSync(PYTHON, ["-c", "import torch, torchvision"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
if (!hasTorch) console.log(`left out: the recipes of docs/export.md, for ${PYTHON} has no torch and torchvision`);

/** Exports a network, loads it by a recipe, and returns PyTorch's logits beside this program's. */
async function both(name: string, config: TrainConfig, recipe: string) {
  const model = buildModel(config);
  const state = stirredState(model.net);
  const [h, w] = config.size;
  const random = randomStream(3, name);
  const image = imagesOf(Uint8Array.from({ length: 2 * h * w }, () => 256 * random.uniform()));
  const at = (file: string) => path.join(dir, `${name}-${file}`);
  writeFileSync(at("model.safetensors"), toPytorch(state, "f32"));
  writeFileSync(at("image.bin"), new Uint8Array(permute(image, [2, h, w, 3], [0, 3, 1, 2]).buffer));
  const script = [
    recipe
      .replaceAll('"model.safetensors"', JSON.stringify(at("model.safetensors")))
      .replace(
        "logits = net",
        `image = torch.frombuffer(bytearray(open(${JSON.stringify(at("image.bin"))}, "rb").read()), dtype=torch.float32).reshape(2, 3, ${h}, ${w})\nlogits = net`,
      ),
    `open(${JSON.stringify(at("logits.bin"))}, "wb").write(logits.detach().numpy().tobytes())`,
  ].join("\n");
  execFileSync(PYTHON, ["-W", "ignore", "-c", script], { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  const bytes = readFileSync(at("logits.bin"));
  const logits = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const own = await computed(gpu(), model, state, image, [2, h, w, 3]);
  return { logits, own: own["logits"]! };
}

test.runIf(hasTorch)("MGA-Net", async () => {
  const recipe = ofTorchvision.split("\nnet = ")[0]! + ofMganet.replace("width=0.25", "width=1/16");
  const { logits, own } = await both("mganet", smallConfigs["mganet parallel"]!, recipe);
  expect(relativeError(logits, own)).toBeLessThan(1e-5);
});

test.runIf(hasTorch)("torchvision's resnet34", slow, async () => {
  const config = checkConfig({ ...presetFor("paper", PHANTOM, "resnet34"), size: [64, 64] });
  const { logits, own } = await both("resnet34", config, `${ofTorchvision}\nlogits = net(image)`);
  expect(relativeError(logits, own)).toBeLessThan(1e-5);
});

test("f16 holds the nearest halves, and no weight beyond their range", () => {
  const { state } = smallNetwork("mganet spatial");
  const { tensors, metadata } = parseSafetensors(toPytorch(state, "f16", { model: "mganet" }), "a file");
  expect(metadata).toMatchObject({ format: "pt", model: "mganet" });
  expect([...tensors.keys()].sort()).toEqual([...state.keys()].sort());
  for (const [name, { data, shape, dtype }] of tensors) {
    expect([dtype, shape]).toEqual(["F16", state.get(name)!.shape]);
    expect(relativeError(widened(data as Uint16Array), state.get(name)!.data)).toBeLessThan(1e-3);
  }
  state.get("fc.bias")!.data[0] = 70_000;
  expect(() => toPytorch(state, "f16")).toThrow("fc.bias holds 70000, beyond half precision, which ends at 65504");
});
