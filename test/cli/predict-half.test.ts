/** `predict --half` gives nearly the same predictions. */
import { readFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { phantomImage } from "../../src/data/phantom/phantom.ts";
import { checkpointBytes, mganet, temporaryFolder, write } from "./support.ts";
import { slow } from "../support/selection.ts";

const dir = temporaryFolder();
const at = (name: string) => path.join(dir, name);

test("weights in half precision change probabilities by little", slow, async () => {
  const { width, height, grey } = phantomImage(3, 0);
  await sharp(grey, { raw: { width, height, channels: 1 } })
    .png()
    .toFile(at("a.png"));
  write(dir, { "run/last.safetensors": await checkpointBytes() });
  const probability = async (out: string, ...more: string[]) => {
    const { code, err } = await mganet("predict", at("a.png"), "--run", at("run"), "--out", at(out), ...more);
    expect([code, err]).toEqual([0, []]);
    const report = JSON.parse(readFileSync(at(`${out}/predictions.json`), "utf8")) as {
      predictions: { malignant: number }[];
    };
    return report.predictions[0]!.malignant;
  };
  const [full, half] = [await probability("full"), await probability("half", "--half")];
  expect(half).not.toBe(full);
  expect(Math.abs(half - full)).toBeLessThan(5e-3);
});
