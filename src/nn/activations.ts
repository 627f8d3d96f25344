/** Layers without parameters: activations, and what changes shapes. */
import { gelu, relu, sigmoid } from "../autograd/elementwise.ts";
import { tanh } from "../autograd/math.ts";
import { softmax } from "../autograd/products.ts";
import { axisOf, flatten, permute } from "../autograd/shape.ts";
import { requireTensors, type Tensor } from "../graph/tensor.ts";
import { requireKnown, requireShape, requireWhole, showShape } from "../kernels/kernel.ts";
import { Module } from "./module.ts";

/** max(x, 0). */
export class ReLU extends Module {
  /** Any shape; the same comes out. */
  forward(x: Tensor): Tensor {
    requireTensors("ReLU", x);
    return this.scoped(x, () => relu(x));
  }
}

/** As PyTorch's. */
export interface GELUOptions {
  /** PyTorch's "tanh" is not here: only "none", the exact function. */
  approximate?: "none";
}

/** x Phi(x), Phi being the normal distribution function. */
export class GELU extends Module {
  /** @throws ShapeError for an approximation */
  constructor(options: GELUOptions = {}) {
    super();
    requireKnown("GELU", options, ["approximate"]);
    const { approximate = "none" } = options as { approximate?: unknown };
    requireShape(
      approximate === "none",
      () => `GELU: approximate must be none, the exact function, got ${String(approximate)}`,
    );
  }

  /** Any shape; the same comes out. */
  forward(x: Tensor): Tensor {
    requireTensors("GELU", x);
    return this.scoped(x, () => gelu(x));
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Module {
  /** Any shape; the same comes out. */
  forward(x: Tensor): Tensor {
    requireTensors("Sigmoid", x);
    return this.scoped(x, () => sigmoid(x));
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Module {
  /** Any shape; the same comes out. */
  forward(x: Tensor): Tensor {
    requireTensors("Tanh", x);
    return this.scoped(x, () => tanh(x));
  }
}

/** softmax along an axis; the channels of an activation [N, H, W, C] are the last one, -1. */
export class Softmax extends Module {
  readonly #dim: number;

  /** @throws ShapeError unless `dim` is a whole number */
  constructor(dim: number) {
    super();
    requireWhole("Softmax", "dim", dim, -8);
    this.#dim = dim;
  }

  /** @throws ShapeError for axis 1 of an activation, which would be the channels in PyTorch and is the height here */
  forward(x: Tensor): Tensor {
    requireTensors("Softmax", x);
    requireShape(
      x.shape.length !== 4 || this.#dim !== 1,
      () =>
        `Softmax: axis 1 of ${showShape(x.shape)} is the height here; the channels are dim -1 (for the height, call softmax(x, 1))`,
    );
    return this.scoped(x, () => softmax(x, this.#dim));
  }
}

/** x. */
export class Identity extends Module {
  /** Any shape; the same comes out. */
  forward(x: Tensor): Tensor {
    requireTensors("Identity", x);
    return x;
  }
}

/**
 * Axes as one, by default all but the first. A map [N, H, W, C] becomes [N, C · H · W] in PyTorch's order, channel by channel, so that the
 * weights of a linear layer behind it are PyTorch's; that lays it out anew. (`flatten` costs nothing and keeps the order of memory.)
 */
export class Flatten extends Module {
  readonly #dims: readonly [number, number];

  /** @throws ShapeError unless both are whole numbers */
  constructor(startDim = 1, endDim = -1) {
    super();
    for (const [name, dim] of Object.entries({ startDim, endDim })) requireWhole("Flatten", name, dim, -8);
    this.#dims = [startDim, endDim];
  }

  /** @throws ShapeError for some axes of a map only: they have another order in PyTorch */
  forward(x: Tensor): Tensor {
    requireTensors("Flatten", x);
    const rank = x.shape.length;
    const [from, to] = this.#dims;
    return this.scoped(x, () => {
      if (rank !== 4) return flatten(x, from, to);
      requireShape(
        axisOf("Flatten", from, rank) === 1 && axisOf("Flatten", to, rank) === 3,
        () =>
          `Flatten: of a map ${showShape(x.shape)} all axes from 1 on are flattened, not ${from} to ${to}; reshape flattens others`,
      );
      return flatten(permute(x, [0, 3, 1, 2]), 1);
    });
  }
}
