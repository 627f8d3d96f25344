/** The kernel cases of MGA-Net, read off the graph of its forward pass. */
import { Graph } from "../../src/graph/graph.ts";
import type { Node, Tensor } from "../../src/graph/tensor.ts";
import { Variable } from "../../src/graph/tensor.ts";
import { MGANet, paperOptions } from "../../src/models/mganet/network.ts";
import { Parameter } from "../../src/nn/module.ts";
import { convPasses, nameOf, type ConvShape, type KernelCase, type Shape4 } from "./case.ts";

/** The forward pass of a network in training mode on images [N, size, size, 3]. */
export interface Traced {
  readonly net: MGANet;
  readonly nodes: readonly Node[];
}

export function trace(width: number, size: readonly [number, number], n: number): Traced {
  const net = new MGANet({ ...paperOptions, width });
  const graph = new Graph({ training: true });
  net.forward(graph.input("image", [n, ...size, 3]));
  return { net, nodes: graph.nodes };
}

/** Every convolution of the pass, in order of execution, with repeats. `onImage`: its input has no gradient. */
export function convolutions({ nodes }: Traced): (ConvShape & { onImage: boolean })[] {
  const found: (ConvShape & { onImage: boolean })[] = [];
  for (const node of nodes) {
    const weight = node.inputs.find((t) => t instanceof Parameter && t.layout === "conv");
    if (!weight) continue;
    const [kernel, , ci, co] = weight.shape as Shape4;
    const [n, oh, ow] = outputShape(node);
    const x = node.inputs.find((t) => !(t instanceof Variable))!;
    // Where an enlarged or concatenated input is read in place, x is only a part of it; the stride stays what it is.
    const stride = Math.max(1, Math.round(x.shape[1]! / oh));
    found.push({ n, h: oh * stride, w: ow * stride, ci, oh, ow, co, kernel, stride, onImage: isInput(x) });
  }
  return found;
}

const isInput = (tensor: Tensor): boolean => tensor.source.kind === "input";

/** All distinct cases, for one image: convolutions in their three passes, batch norm, resize, MGA and Adam. */
export function modelCases(width: number, size: readonly [number, number]): KernelCase[] {
  const traced = trace(width, size, 1);
  const { net } = traced;
  const cases: KernelCase[] = [
    ...convolutions(traced).flatMap(({ onImage, ...shape }) =>
      convPasses
        .filter((pass) => !(onImage && pass === "inputGrad"))
        .map((pass): KernelCase => ({ kind: "conv2d", pass, ...shape })),
    ),
    ...batchNorms(traced).map((shape): KernelCase => ({ kind: "batchNorm", shape })),
    ...resizes(traced),
    ...attentions(traced, size),
    adamCase(width, net),
  ];
  return [...new Map(cases.map((c) => [nameOf(c), c])).values()];
}

/** One step of Adam on all of MGA-Net's parameters. */
export function adamCase(width: number, net = new MGANet({ ...paperOptions, width })): KernelCase {
  return { kind: "adam", width, shapes: net.parameters().map((p) => p.shape) };
}

const outputShape = (node: Node): Shape4 => node.outputs[0]!.shape as Shape4;

/** What the module at `path` ends in. */
const lastOf = (nodes: readonly Node[], path: string): Node => nodes.findLast((node) => node.layer === path)!;

function batchNorms({ net, nodes }: Traced): Shape4[] {
  const paths = [...net.named()]
    .filter(([name]) => name.endsWith(".running_mean"))
    .map(([name]) => name.replace(/\.running_mean$/, ""));
  return paths.map((path) => outputShape(lastOf(nodes, path)));
}

function resizes({ nodes }: Traced): KernelCase[] {
  return nodes
    .filter((node) => node.kernel.name === "interpolate")
    .flatMap((node) => {
      const [, oh, ow] = outputShape(node);
      const shape = node.inputs[0]!.shape as Shape4;
      return (["forward", "inputGrad"] as const).map((pass): KernelCase => {
        return { kind: "resize", pass, shape, size: [oh, ow] };
      });
    });
}

function attentions({ net, nodes }: Traced, mask: readonly [number, number]): KernelCase[] {
  return net.mga.entries.map(([, module]): KernelCase => {
    const shape = outputShape(lastOf(nodes, module.path));
    return { kind: "mga", shape, mask, hidden: module.fc1!.weight.shape[1]! };
  });
}
