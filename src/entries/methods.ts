/**
 * `mganet-webgpu/methods`: imported once, for what it does, it gives tensors PyTorch's methods: `x.reshape(…)`, `x.mul(2)`, `x.sum(1)`.
 * An entry of its own, since all that methods can call is then part of a bundle: 8 kB gzipped.
 *
 * @module mganet-webgpu/methods
 */
import "../autograd/methods.ts";
