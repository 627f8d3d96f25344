/** `npm run bench` on invalid input: one line, exit code 2. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect, test } from "vitest";

const program = path.resolve("bin/bench.mjs");

test.each([
  [["--peer", "torch"], /^Error: --peer torch: no peer is called so; there are tfjs-webgpu, jax-js, tfjs-wasm$/],
  [
    ["--quick", "--filter", "nonsense"],
    /^Error: --filter nonsense: no benchmark is called so; there are kernel\/conv2d, /,
  ],
  [
    ["--quick", "--json", "package.json/x"],
    /^Error: package\.json\/x: .*is a file, not a folder|^Error: package.json\/x: /,
  ],
  [["--resume"], /^Error: --resume continues the file of --json, which is not given$/],
  [["--model", "vgg"], /^Error: --model vgg: no network is called so; there are mganet, .*mganet-cbam$/],
  [["--preset", "paper"], /^Error: --preset is for the kernels of --model$/],
  [
    ["--model", "swin_t", "--preset", "huge"],
    /^Error: option '--preset <name>' argument 'huge' is invalid\. Allowed choices are quick, paper\.$/,
  ],
  [
    ["--model", "swin_t", "--peer", "jax-js"],
    /^Error: --peer has no effect with --model, which measures our kernels one by one$/,
  ],
  [["--model", "swin_t", "--profile"], /^Error: --profile has no effect with --model, /],
  [["--fast"], /^Error: unknown option '--fast'/],
])("%j is refused", (args, reason) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  const lines = stderr.split("\n").filter((line) => line && !line.startsWith("Warning: "));
  expect(lines).toEqual([expect.stringMatching(reason)]);
  expect(stdout).toBe("");
  expect(status).toBe(2);
});
