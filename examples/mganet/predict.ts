/**
 * Asks a trained MGA-Net about a picture: `npx tsx examples/mganet/predict.ts runs/.../best.safetensors nodule.png`.
 * Prints the classes' probabilities and the box, and draws the outline over the picture, as nodule.svg.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PicturePredictor } from "mganet-webgpu/models";
import { openGpu, readPicture } from "mganet-webgpu/node";

const [checkpoint, file] = process.argv.slice(2);
if (!checkpoint || !file) throw new Error("name a checkpoint and a picture");

using gpu = await openGpu();
using model = await PicturePredictor.open(gpu, await readFile(checkpoint), { name: checkpoint });
const picture = await readPicture(file);
const { probabilities, outline, notes } = await model.predict(picture);

for (const [i, name] of model.classes.names.entries()) {
  if (probabilities) console.log(`${name}: ${probabilities[i]!.toFixed(6)}`);
}
for (const note of notes) console.log(note);

if (outline?.box) {
  const { x0, y0, x1, y1 } = outline.box;
  console.log(`nodule from (${x0.toFixed(1)}, ${y0.toFixed(1)}) to (${x1.toFixed(1)}, ${y1.toFixed(1)})`);
  const { width, height } = picture;
  const rings = outline.rings.map((ring) => `M${ring.map((point) => point.join(" ")).join("L")}Z`).join("");
  const { dir, name } = path.parse(file);
  const drawing = path.join(dir, `${name}.svg`);
  await writeFile(
    drawing,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<image href="${encodeURIComponent(path.basename(file))}" width="${width}" height="${height}"/>
<path d="${rings}" fill="none" stroke="yellow" stroke-width="2"/>
<rect x="${x0}" y="${y0}" width="${x1 - x0}" height="${y1 - y0}" fill="none" stroke="cyan"/>
</svg>
`,
  );
  console.log(`drawn as ${drawing}`);
} else {
  console.log(outline ? "no nodule is outlined" : "the network has not learned outlines");
}
