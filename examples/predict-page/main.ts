/** Predicts the class and the outline of a dropped image with a dropped checkpoint. Nothing leaves the page. */
import { imageDataOf, openGpu, openPictureFile, PicturePredictor } from "mganet-webgpu/web";

const say = (text: string) => (document.querySelector("#said")!.textContent = text);
const opening = openGpu();
let model: PicturePredictor | undefined;

/** @returns what to say of it */
async function take(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (file.name.endsWith(".safetensors")) {
    const opened = await PicturePredictor.open(await opening, bytes, { name: file.name });
    model?.[Symbol.dispose]();
    model = opened;
    return `${file.name} is ready: drop images.`;
  }
  if (!model) return "Drop a checkpoint first.";
  const picture = await openPictureFile(bytes);
  const { probabilities, outline, notes } = await model.predict(picture);

  const { width, height, ...colours } = await picture.colours(picture.frames[0]!);
  const canvas = Object.assign(document.querySelector("canvas")!, { width, height });
  const context = canvas.getContext("2d")!;
  context.putImageData(imageDataOf({ width, height, ...colours }), 0, 0);
  context.strokeStyle = "yellow";
  for (const ring of outline?.rings ?? []) {
    context.beginPath();
    for (const [x, y] of ring) context.lineTo(x, y);
    context.stroke();
  }
  const shares = probabilities?.map((p, i) => `${model!.classes.names[i]!} ${p.toFixed(6)}`) ?? ["outline only"];
  return [`${file.name}: ${shares.join(", ")}`, ...notes].join("; ");
}

addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const one = async () => {
    for (const file of event.dataTransfer!.files) say(await take(file));
  };
  one().catch((error: unknown) => say((error as Error).message));
});
opening.then(
  ({ name }) => say(`Computes on ${name}. Drop a checkpoint, then images.`),
  (error: unknown) => say((error as Error).message),
);
