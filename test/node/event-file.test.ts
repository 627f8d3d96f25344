import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { EventFile } from "../../src/node/event-file.ts";
import type { EpochRecord } from "../../src/train/training.ts";
import { temporaryFolder } from "./data/images.ts";

const dir = temporaryFolder();
const record = (epoch: number): EpochRecord => {
  return { stage: "joint", epoch, step: 10 * epoch, lr: 1e-3, loss: 1 / epoch, seconds: 2, imagesPerSecond: 5 };
};
const files = () => readdirSync(dir).filter((name) => name.endsWith(".mganet"));

/** The bodies of a file's events, which follow one another as length (8 bytes), checksum (4), body, checksum (4). */
function events(): Buffer[] {
  const bytes = readFileSync(path.join(dir, files()[0]!));
  const bodies: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 16 + bodies.at(-1)!.length) {
    bodies.push(bytes.subarray(at + 12, at + 12 + Number(bytes.readBigUInt64LE(at))));
  }
  return bodies;
}
/** The step of an event, a varint behind the tag 0x10 that follows the wall time (tag 0x09 and 8 bytes). */
const stepOf = (event: Buffer): number | undefined => (event[9] === 0x10 ? event[10]! : undefined);

test("a resumed run's event file takes the place of the stopped run's and holds all epochs once", async () => {
  writeFileSync(path.join(dir, "events.out.tfevents.1.other"), "somebody else's");
  const first = await EventFile.begin(dir, [record(1)]);
  await first.add(record(2));
  await first.add(record(3));
  expect(events().map(stepOf)).toEqual([undefined, 10, 20, 30]);
  // The third epoch came after the last checkpoint, so it is trained again.
  const second = await EventFile.begin(dir, [record(1), record(2)]);
  await second.add(record(3));
  await second.add(record(4));
  expect(files()).toHaveLength(1);
  expect(readFileSync(path.join(dir, "events.out.tfevents.1.other"), "utf8")).toBe("somebody else's");
  expect(events().map(stepOf)).toEqual([undefined, 10, 20, 30, 40]);
});
