/** An ONNX model as bytes: the messages of onnx.proto that a model needs, with the numbers of their fields. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { OnnxAttribute } from "../../autograd/onnx-form.ts";

/** Codes of TensorProto.DataType. */
export const dataTypes = { f32: 1, u8: 2, i64: 7, f16: 10 } as const;
export type DataType = keyof typeof dataTypes;

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  /** Its values, little-endian. */
  readonly bytes: Uint8Array;
}

/** An input or output. A size that is a text is free. */
export interface OnnxValue {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly (number | string)[];
  readonly description: string;
}

export interface OnnxModel {
  readonly name: string;
  readonly description: string;
  readonly producer: { readonly name: string; readonly version: string };
  readonly opset: number;
  /** The version of the file format. */
  readonly ir: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxTensor[];
  /** What nodes give, as far as its shape is known. */
  readonly values?: readonly OnnxValue[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

/** Protocol buffers end here. */
const MOST_BYTES = 2 ** 31 - 1;

/** The content of an .onnx file. @throws RangeError for more than 2 GiB */
export function writeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const weights = model.constants.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (weights > MOST_BYTES) {
    throw new RangeError(`the weights take ${weights} bytes; an ONNX file holds at most ${MOST_BYTES}`);
  }
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(model.ir);
  text(writer, 2, model.producer.name);
  text(writer, 3, model.producer.version);
  text(writer, 6, model.description);
  message(writer, 7, graphBytes(model));
  message(
    writer,
    8,
    bytesOf((opset) => integer(opset, 2, model.opset)),
  );
  for (const [key, value] of Object.entries(model.metadata)) {
    message(
      writer,
      14,
      bytesOf((entry) => [text(entry, 1, key), text(entry, 2, value)]),
    );
  }
  return writer.finish();
}

const text = (writer: BinaryWriter, field: number, value: string): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).string(value);
const integer = (writer: BinaryWriter, field: number, value: number): BinaryWriter =>
  writer.tag(field, WireType.Varint).int64(value);
const message = (writer: BinaryWriter, field: number, bytes: Uint8Array): BinaryWriter =>
  writer.tag(field, WireType.LengthDelimited).bytes(bytes);

function bytesOf(write: (writer: BinaryWriter) => unknown): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

const graphBytes = ({ name, nodes, constants, values = [], inputs, outputs }: OnnxModel): Uint8Array =>
  bytesOf((writer) => {
    for (const node of nodes) message(writer, 1, nodeBytes(node));
    text(writer, 2, name);
    for (const constant of constants) tensor(writer, 5, constant);
    for (const input of inputs) message(writer, 11, valueBytes(input));
    for (const output of outputs) message(writer, 12, valueBytes(output));
    for (const value of values) message(writer, 13, valueBytes(value));
  });

const nodeBytes = ({ op, name, inputs, outputs, attributes }: OnnxNode): Uint8Array =>
  bytesOf((writer) => {
    for (const input of inputs) text(writer, 1, input);
    for (const output of outputs) text(writer, 2, output);
    text(writer, 3, name);
    text(writer, 4, op);
    for (const [key, value] of Object.entries(attributes)) message(writer, 5, attributeBytes(key, value));
  });

/** AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, string: 3, ints: 7 } as const;

const attributeBytes = (name: string, value: OnnxAttribute): Uint8Array =>
  bytesOf((writer) => {
    text(writer, 1, name);
    const type = (kind: keyof typeof attributeTypes) => integer(writer, 20, attributeTypes[kind]);
    if (typeof value === "number") integer(type("int"), 3, value);
    else if (typeof value === "string") text(type("string"), 4, value);
    else if ("float" in value) type("float").tag(2, WireType.Bit32).float(value.float);
    else for (const [i, each] of value.entries()) integer(i === 0 ? type("ints") : writer, 8, each);
  });

/** Written without a copy of the values, which may be large. */
function tensor(writer: BinaryWriter, field: number, { name, type, shape, bytes }: OnnxTensor): void {
  const head = bytesOf((own) => {
    for (const size of shape) integer(own, 1, size);
    integer(own, 2, dataTypes[type]);
    text(own, 8, name);
    own.tag(9, WireType.LengthDelimited).uint32(bytes.length);
  });
  writer.tag(field, WireType.LengthDelimited).uint32(head.length + bytes.length);
  writer.raw(head).raw(bytes);
}

const valueBytes = ({ name, type, shape, description }: OnnxValue): Uint8Array =>
  bytesOf((writer) => {
    text(writer, 1, name);
    const sizes = bytesOf((own) => {
      for (const size of shape) {
        message(
          own,
          1,
          bytesOf((dim) => (typeof size === "number" ? integer(dim, 1, size) : text(dim, 2, size))),
        );
      }
    });
    const tensorType = bytesOf((own) => message(integer(own, 1, dataTypes[type]), 2, sizes));
    message(
      writer,
      2,
      bytesOf((own) => message(own, 1, tensorType)),
    );
    if (description !== "") text(writer, 3, description);
  });
