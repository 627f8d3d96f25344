/** Measures the processor time that preparing an image takes, for docs/scale.md: npx tsx bench/prediction/decode.ts */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { openPredicted, preparePredicted } from "../../src/node/data/predicted-file.ts";

const IMAGES = 12;
const ROUNDS = 5;

const dir = await mkdtemp(path.join(tmpdir(), "mganet-decode-"));
try {
  for (const [width, height] of [
    [288, 216],
    [800, 600],
  ] as const) {
    const files = { jpg: [] as string[], png: [] as string[] };
    for (let i = 0; i < IMAGES; i++) {
      const { grey } = phantomImage(3, i, { width, height });
      for (const kind of ["jpg", "png"] as const) {
        const file = path.join(dir, `${width}-${i}.${kind}`);
        await sharp(grey, { raw: { width, height, channels: 1 } }).toFile(file);
        files[kind].push(file);
      }
    }
    for (const kind of ["jpg", "png"] as const) {
      for (const [side, crop] of [
        [96, "adaptive"],
        [224, "adaptive"],
        [224, "none"],
      ] as const) {
        const times: number[] = [];
        for (let round = 0; round < ROUNDS; round++) {
          const begun = process.cpuUsage();
          for (const name of files[kind]) {
            const { pictures } = await openPredicted(name);
            await preparePredicted(pictures, 1, { name, width: side, height: side, crop });
          }
          const { user, system } = process.cpuUsage(begun);
          times.push((user + system) / 1000 / IMAGES);
        }
        const median = times.sort((a, b) => a - b)[ROUNDS >> 1]!;
        console.log(`${width}x${height} ${kind} to ${side}x${side}, crop ${crop}: ${median.toFixed(1)} ms of a core`);
      }
    }
  }
} finally {
  await rm(dir, { recursive: true });
}
