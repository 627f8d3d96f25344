/** The constants of an ONNX graph: the network's weights as PyTorch has them, and numbers of the export's own. */
import type { StoredConstant } from "../../autograd/onnx-form.ts";
import { Variable, type Tensor } from "../../graph/tensor.ts";
import { kindOf, sameShape, showShape } from "../../kernels/kernel.ts";
import { torchOrder, torchShape } from "../../nn/layout.ts";
import { Parameter, StateDictError, type GivenState } from "../../nn/module.ts";
import { ExportError, halvesOf, type Precision } from "../half.ts";
import type { OnnxTensor } from "./model-file.ts";

export class Constants {
  readonly #state: GivenState;
  readonly #precision: Precision;
  /** Makes a name that no other value has. */
  readonly #unique: (name: string) => string;
  readonly #stored = new Map<Tensor, StoredConstant>();
  /** Their names, by what they are. */
  readonly #names = new Map<StoredConstant | string, string>();
  readonly #tensors: (() => OnnxTensor)[] = [];

  constructor(state: GivenState, precision: Precision, unique: (name: string) => string) {
    this.#state = state;
    this.#precision = precision;
    this.#unique = unique;
  }

  /** @throws ExportError for a weight that half precision cannot hold */
  all(): OnnxTensor[] {
    return this.#tensors.map((tensor) => tensor());
  }

  /** Those of the export's own: for each name, what it is. */
  own(): ReadonlyMap<string, string> {
    const named = [...this.#names].filter(([what]) => typeof what === "string") as [string, string][];
    return new Map(named.map(([what, name]) => [name, what]));
  }

  /** A constant of the network, by its name in the state. @throws ExportError, StateDictError */
  stored(tensor: Tensor): StoredConstant {
    const known = this.#stored.get(tensor);
    if (known) return known;
    if (!(tensor instanceof Variable)) throw new ExportError(`${tensor.label} is not a constant of the network`);
    const { name, shape } = tensor;
    const layout = tensor instanceof Parameter ? tensor.layout : "vector";
    const wanted = torchShape(shape, layout);
    const given = this.#state.get(name);
    if (!given) throw new StateDictError(`${name || `a variable ${showShape(shape)} without a name`} is missing`);
    if (!sameShape(given.shape, wanted) || kindOf(given.data) !== "Float32Array") {
      const found = `${kindOf(given.data)} ${showShape(given.shape)}`;
      throw new StateDictError(`${name} is a ${found}, the model has a Float32Array ${showShape(wanted)}`);
    }
    const data = given.data as Float32Array;
    const constant = { name, order: torchOrder(shape, layout), shape: wanted, data };
    this.#stored.set(tensor, constant);
    return constant;
  }

  isStored(tensor: Tensor): boolean {
    return this.#stored.has(tensor);
  }

  store(tensor: Tensor, constant: StoredConstant): void {
    this.#stored.set(tensor, constant);
  }

  /** The value of a constant of the network. */
  value(constant: StoredConstant): string {
    const { name, shape, data } = constant;
    const known = this.#names.get(constant);
    if (known !== undefined) return known;
    const type = this.#precision;
    const unique = this.#unique(name);
    this.#names.set(constant, unique);
    this.#tensors.push(() => ({ name: unique, type, shape, bytes: bytesOf(data, type, name) }));
    return unique;
  }

  integers(shape: readonly number[], values: readonly number[]): string {
    return this.#keep("integers", { type: "i64", shape, bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) }); // prettier-ignore
  }

  floats(type: Precision, shape: readonly number[], values: readonly number[]): string {
    return this.#keep("floats", { type, shape, bytes: bytesOf(Float32Array.from(values), type) });
  }

  /** One for all that are equal. */
  #keep(kind: string, constant: Omit<OnnxTensor, "name">): string {
    const { type, shape, bytes } = constant;
    const key = `${type} ${shape.join()} ${bytes.join()}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = this.#unique(kind);
    this.#names.set(key, name);
    this.#tensors.push(() => ({ name, ...constant }));
    return name;
  }
}

function bytesOf(data: Float32Array, type: Precision, name = "a constant"): Uint8Array {
  const { buffer, byteOffset, byteLength } = type === "f16" ? halvesOf(name, data) : data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
