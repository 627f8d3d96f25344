/** All pictures with their outlines, and the tables, in one file. */
import { Zip, ZipDeflate, ZipPassThrough, strToU8 } from "fflate";
import type { Place } from "../worker/places.ts";
import { pictureNames, toCsv, toJson, type Exported } from "./export.ts";
import { toPng, type Scene } from "./paint.ts";
import type { Reading } from "./rows.ts";
import { finding, NOTE, verdict } from "./words.ts";

export interface ZipTask extends Exported {
  placeOf: (reading: Reading) => Place;
  /** @throws for a picture that cannot be read */
  open: (place: Place) => Promise<ImageBitmap>;
  shown: Scene["shown"];
  onProgress: (done: number) => void;
  signal: AbortSignal;
}

/** Parts of the file are handed to the browser, which may put them on disk, when they are so large. */
const PART_BYTES = 16 * 2 ** 20;

/**
 * Pictures are drawn one after another; memory holds a few.
 * @throws the signal's reason
 */
export async function toZip(task: ZipTask): Promise<Blob> {
  const { readings, model, signal } = task;
  const blobs: Blob[] = [];
  let part: Uint8Array[] = [];
  let bytes = 0;
  const cut = () => {
    blobs.push(new Blob(part as BlobPart[]));
    [part, bytes] = [[], 0];
  };
  const zip = new Zip((error, chunk) => {
    if (error) throw error;
    part.push(chunk);
    bytes += chunk.length;
    if (bytes > PART_BYTES) cut();
  });
  const put = (name: string, content: Uint8Array, compress: boolean) => {
    const file = compress ? new ZipDeflate(name) : new ZipPassThrough(name);
    zip.add(file);
    file.push(content, true);
  };
  const names = pictureNames(readings.map(({ row }) => row.name));
  put("predictions.json", strToU8(toJson(task, names)), true);
  put("predictions.csv", strToU8(toCsv(task)), true);
  for (const [i, reading] of readings.entries()) {
    signal.throwIfAborted();
    const bitmap = await task.open(task.placeOf(reading));
    const scene: Scene = {
      ...{ bitmap, image: reading.row, shown: task.shown, truth: reading.truth?.boxes ?? [], map: undefined },
      alarming: reading.predicted === model.classes.positive,
    };
    const said = [verdict(reading, model.classes), finding(reading.row)].filter((words) => words !== undefined);
    const png = await toPng(scene, [`${reading.row.name}: ${said.join(", ")}`, model.name, NOTE]);
    bitmap.close();
    put(names[i]!, new Uint8Array(await png.arrayBuffer()), false);
    task.onProgress(i + 1);
  }
  zip.end();
  cut();
  return new Blob(blobs, { type: "application/zip" });
}
