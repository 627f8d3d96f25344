/** Writes TensorBoard event files: TFRecords of Event messages in protocol buffer encoding. */
import { joined } from "../data/bytes.ts";
import type { EpochRecord } from "../train/training.ts";

/** A record: length, masked CRC of the length, data, masked CRC of the data; numbers little-endian. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(12 + data.length + 4);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** The table of CRC-32C (Castagnoli), reflected. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C of bytes, rotated and offset as in TFRecord, so that a CRC of data containing CRCs stays sound. */
export function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Fields of a message: [number, value]; a bigint is a varint, a `{ float }` 32 and a `{ double }` 64 bits, the rest bytes. */
type Field = readonly [number, bigint | string | Uint8Array | { float: number } | { double: number }];

function message(fields: readonly Field[]): Uint8Array {
  return joined(
    fields.map(([number, value]) => {
      const key = (wire: number) => varint(BigInt((number << 3) | wire));
      if (typeof value === "bigint") return joined([key(0), varint(value)]);
      if (typeof value === "object" && "double" in value) return joined([key(1), float64(value.double)]);
      if (typeof value === "object" && "float" in value) return joined([key(5), float32(value.float)]);
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      return joined([key(2), varint(BigInt(bytes.length)), bytes]);
    }),
  );
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(value)]);
}

function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}

function float32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return bytes;
}

/** The first record of an event file. @param time in seconds since 1970 */
export const fileVersion = (time: number): Uint8Array => tfRecord(message([[1, { double: time }], [3, "brain.Event:2"]])); // prettier-ignore

/** Fields of a record that are not metrics. */
const NO_FIGURES = ["stage", "epoch", "step", "seconds", "validation"];

/** One epoch: its losses, learning rate, speed and evaluation. @param time in seconds since 1970 */
export function epochEvent(record: EpochRecord, time: number): Uint8Array {
  const { stage, step, lr, imagesPerSecond, validation = {}, ...rest } = record;
  // The loss and its terms first.
  const losses = Object.entries(rest).filter(([name]) => !NO_FIGURES.includes(name));
  const figures = [...losses, ...Object.entries({ lr, imagesPerSecond })];
  const scalars: [string, unknown][] = [
    ...figures.map(([name, v]): [string, unknown] => [`${stage}/${name}`, v]),
    ...Object.entries(validation).map(([name, v]): [string, unknown] => [`validation/${name}`, v]),
  ];
  const values = scalars.flatMap(
    ([tag, value]): Field[] =>
    typeof value === "number" && tag !== "validation/images" ? [[1, message([[1, tag], [2, { float: value }]])]] : [], // prettier-ignore
  );
  return tfRecord(message([[1, { double: time }], [2, BigInt(step)], [5, message(values)]])); // prettier-ignore
}
