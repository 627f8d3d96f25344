/** `mganet prepare`: writes crops, masks and a manifest of a folder of images. */
import path from "node:path";
import { commandLine } from "../../node/command-line.ts";
import { benignMalignant, sameNames } from "../../data/classes.ts";
import { type Classes, DataError, isBare } from "../../data/sample.ts";
import { contactSheet, spread, type Tile } from "../../node/contact-sheet.ts";
import { openImage, readImage } from "../../node/data/decode.ts";
import { className } from "../../node/data/inspect.ts";
import { ConfigError } from "../../models/config-error.ts";
import { openDataset } from "../../node/data/open.ts";
import {
  MANIFEST,
  type PreparedFolder,
  requirePreparedFolder,
  writePreparedFolder,
} from "../../node/data/prepared-folder.ts";
import { openOptions } from "../../node/image-source.ts";
import { InputError, writeInFolder } from "../../node/files.ts";
import { exitCode, type Interrupt, onInterrupt } from "../../node/vulkan/interrupt.ts";
import type { TrainConfig } from "../../train/config.ts";
import { showNotes, showSkipped } from "../format.ts";
import { clock, Progress } from "../progress.ts";

export interface PrepareOptions {
  data: string;
  out: string;
  format?: string;
  labelFrom?: TrainConfig["labelFrom"];
  target?: TrainConfig["target"];
  classes?: string[];
  positive?: string;
  masksInverted?: boolean;
  crop: TrainConfig["crop"];
  /** Height and width. */
  size?: [number, number];
  resize: boolean;
  workers?: number;
}

/** @returns the exit code: 0 finished, 130 or 129 interrupted */
export async function prepare(options: PrepareOptions): Promise<number> {
  const begun = performance.now();
  const { out, crop, format = "auto", labelFrom = "set", masksInverted = false, workers } = options;
  const { target = "class", classes: asked, positive } = options;
  if (options.size !== undefined && !options.resize) throw new ConfigError("--size has no effect with --no-resize");
  const [height, width] = options.size ?? [224, 224];
  if (width < 8 || height < 8 || width > 4096 || height > 4096) {
    throw new InputError(`--size: ${height}x${width} is not possible: a side has 8 to 4096 pixels`);
  }
  const data = path.resolve(options.data);
  const settings = { data, size: options.resize ? ([width, height] as [number, number]) : null, crop };
  await requirePreparedFolder(out, settings);
  const controller = new AbortController();
  let received: Interrupt | undefined;
  const dispose = onInterrupt((signal) => {
    received = signal;
    controller.abort(new InputError("interrupted"));
  });
  const { signal } = controller;
  const progress = new Progress();
  try {
    const dataset = await openDataset(data, {
      ...openOptions({ format, labelFrom, masksInverted, target, classes: asked, positive }),
      signal,
    });
    if (dataset.samples.every(isBare)) {
      throw new DataError(`${data}: the ${dataset.name} images have no outlines to make masks from`);
    }
    progress.start("preparing", dataset.samples.length);
    const result = await writePreparedFolder(dataset, out, settings, {
      signal,
      onWait: (line) => {
        progress.clear();
        progress.line(line);
      },
      onProgress: (done) => progress.update(done),
      ...(workers === undefined ? {} : { workers }),
    });
    progress.clear();
    const shown = spread(result.entries, SHOWN);
    const title = `${shown.length} of ${result.entries.length} images before and after: boxes yellow, ellipses green, crop blue`;
    await writeInFolder(
      path.join(out, "contact-sheet.png"),
      await contactSheet(tiles(shown, out, dataset.classes), { ...TILE, title }),
    );
    for (const line of showSkipped([...dataset.skipped, ...result.skipped])) console.log(line);
    for (const line of showNotes([...dataset.notes, ...result.notes])) console.log(line);
    const again = result.reused > 0 ? ` (${result.reused} of them were already done)` : "";
    console.log(`${result.entries.length} images prepared${again} in ${clock((performance.now() - begun) / 1000)}`);
    const outlines = result.entries.some(({ entry }) => entry.outline !== undefined) ? "outlines, " : "";
    console.log(`Written to ${out}: images, masks, ${outlines}${MANIFEST}, contact-sheet.png`);
    const classes = sameNames(dataset.classes, benignMalignant)
      ? ""
      : ` --classes "${dataset.classes.names.join(",")}"`;
    console.log(`\nTrain on them:  ${commandLine("train", `--data ${out}${classes}`)}`);
    return 0;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    console.log(`Stopped. Run the same command to resume ${out}.`);
    return exitCode(received);
  } finally {
    progress.stop();
    dispose();
  }
}

const SHOWN = 32;
const TILE = { columns: 4, width: 200, height: 160 };

async function* tiles(shown: PreparedFolder["entries"], out: string, classes: Classes): AsyncGenerator<Tile> {
  for (const { entry, sample } of shown) {
    const { original, crop, boxes, width, height } = entry;
    const before = {
      image: await openImage(await readImage(sample.file)),
      ...original,
      crop,
      boxes: sample.boxes,
    };
    const image = await openImage(await readImage(path.join(out, entry.image)));
    const after = { image, width, height, boxes, ellipses: true };
    yield { pictures: [before, after], caption: `${entry.id}  ${className(sample.label, classes)}` };
  }
}
