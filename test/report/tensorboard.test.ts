/** Event files: identical byte for byte to an independent writer's; and those that train writes. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { joined } from "../../src/data/bytes.ts";
import { epochEvent, fileVersion, maskedCrc } from "../../src/report/tensorboard.ts";
import type { EpochRecord } from "../../src/train/training.ts";

const file = new URL("../reference/data/tensorboard.json", import.meta.url);
const reference = JSON.parse(readFileSync(file, "utf8")) as { epochs: EpochRecord[]; times: number[]; file: string };

test("an event file is byte for byte that of the reference", () => {
  const { epochs, times } = reference;
  const events = epochs.map((record, i) => epochEvent(record, times[i]!));
  const bytes = joined([fileVersion(times[0]!), ...events]);
  expect(Buffer.from(bytes).toString("hex")).toBe(reference.file);
});

test("the checksum is CRC-32C, masked", () => {
  // The check value of CRC-32C is e3069283; rotated by 15 bits, plus the constant.
  const crc = 0xe3069283;
  const masked = (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  expect(maskedCrc(new TextEncoder().encode("123456789"))).toBe(masked);
});
