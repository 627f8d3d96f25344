/** Trains on drawn digits, saves the network and loads it again: `npx tsx examples/digits/node.ts [digits.safetensors]`. */
import { readFile, writeFile } from "node:fs/promises";
import { load, save } from "mganet-webgpu/io";
import { openGpu } from "mganet-webgpu/node";
import { drawDigits } from "./digits.ts";
import { accuracy, network, read, train } from "./network.ts";

const [file = "digits.safetensors"] = process.argv.slice(2);
using gpu = await openGpu();
const net = network();
await train(gpu, net, console.log);

const others = drawDigits(1000, 100);
const found = await read(gpu, net, others.image);
console.log(`${(100 * accuracy(found, others)).toFixed(1)} % of 1000 other digits are read`);

await writeFile(file, await save(gpu, net));
const again = network();
await load(gpu, again, await readFile(file), { name: file });
const same = (await read(gpu, again, others.image)).every((digit, i) => digit === found[i]);
console.log(`loaded from ${file}, it reads ${same ? "the same" : "other"} digits`);
