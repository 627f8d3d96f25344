/** Writes a state dict as `torch.save` does: a zip of a pickle (protocol 2) and the tensors' bytes. */
import { zipSync } from "fflate";
import { ResNet34 } from "../../src/models/resnet34/network.ts";
import { toTorch, torchShape } from "../../src/nn/layout.ts";
import type { StateDict } from "../../src/nn/module.ts";

const utf8 = (text: string) => [...new TextEncoder().encode(text)];
const u32 = (value: number) => [...new Uint8Array(Uint32Array.of(value).buffer)];

// Opcodes of Python's pickletools.
const global = (module: string, name: string) => utf8(`c${module}\n${name}\n`);
const text = (value: string) => [...utf8("X"), ...u32(utf8(value).length), ...utf8(value)];
const int = (value: number) => [...utf8("J"), ...u32(value)];
const tuple = (...items: number[][]) => [...utf8("("), ...items.flat(), ...utf8("t")];
const called = (callable: number[], args: number[]) => [...callable, ...args, ...utf8("R")];
const orderedDict = called(global("collections", "OrderedDict"), tuple());

/** @returns a file that `torch.load(..., weights_only=True)` reads */
export function torchFile(state: StateDict): Uint8Array {
  const entries = [...state].map(([name, { shape, data }], key) => {
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
    const storage = [
      ...tuple(...[text("storage"), global("torch", "FloatStorage"), text(String(key)), text("cpu"), int(data.length)]),
      ...utf8("Q"),
    ];
    const args = [storage, int(0), tuple(...shape.map(int)), tuple(...strides.map(int)), [0x89], orderedDict];
    return [...text(name), ...called(global("torch._utils", "_rebuild_tensor_v2"), tuple(...args))];
  });
  const pickle = [0x80, 2, ...orderedDict, ...utf8("("), ...entries.flat(), ...utf8("u.")];
  const tensors = [...state.values()].map(({ data }, key) => [
    `archive/data/${key}`,
    new Uint8Array(data.slice().buffer),
  ]);
  const files = { "archive/data.pkl": Uint8Array.from(pickle), "archive/version": Uint8Array.from(utf8("3\n")) };
  return zipSync({ ...files, ...(Object.fromEntries(tensors) as Record<string, Uint8Array>) }, { level: 0 });
}

/** A ResNet34 of a sixteenth of the channels, for ten classes, as PyTorch would have it. */
export function smallResNet(): StateDict {
  const net = new ResNet34({ width: 1 / 16, classes: 10 }, 5);
  return new Map(
    [...net.named()].map(([name, { shape, layout, size, initial }]) => {
      const data = toTorch(initial ?? new Float32Array(size), shape, layout);
      return [name, { shape: torchShape(shape, layout), data }];
    }),
  );
}
