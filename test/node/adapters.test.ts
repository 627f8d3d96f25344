/** Adapters are named by a part of their name or by their position; Dawn finds them by name only. */
import { expect, test } from "vitest";
import { sharing } from "../../src/cli/study-adapters.ts";
import { AdapterError, adapterNamed } from "../../src/node/dawn.ts";

const names = ["NVIDIA H100", "NVIDIA RTX 4090", "NVIDIA RTX 4090", "NVIDIA RTX 4090 D", "llvmpipe"];
const refusal = (text: string) =>
  adapterNamed(text, names).then(
    (name) => `found ${name}`,
    (error: unknown) => (error instanceof AdapterError ? error.message : `unexpected: ${String(error)}`),
  );

test("a position is that of an adapter, unless it is a part of a name", async () => {
  expect(await Promise.all(["0", "1", "3", "4", "4090", "llvm"].map((text) => adapterNamed(text, names)))).toEqual([
    ...["NVIDIA H100", "NVIDIA RTX 4090", "NVIDIA RTX 4090 D", "llvmpipe", "4090", "llvm"],
  ]);
  expect(await refusal("7")).toMatch(/^No adapter has the position 7; there is 0 "NVIDIA H100", 1 "NVIDIA RTX 4090", /);
});

test("identical cards cannot be told apart, and that is said", async () => {
  expect(await refusal("2")).toMatch(/^Adapter 2 cannot be told from adapter 1: both are called "NVIDIA RTX 4090"/);
  const notes = sharing(["NVIDIA RTX 4090"], names, { workers: 2, software: false });
  expect(notes).toEqual([
    "2 workers on NVIDIA RTX 4090",
    expect.stringMatching(
      /^3 cards have NVIDIA RTX 4090 in their names: WebGPU on Node takes the first of them for every worker/,
    ),
  ]);
  expect(sharing(["NVIDIA H100"], names, { workers: 2, software: false })).toEqual(["2 workers on NVIDIA H100"]);
});
