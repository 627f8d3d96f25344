import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as library from "../src/index.ts";
import * as onNode from "../src/node/index.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

describe("the README's library example", () => {
  it("takes a training step", async () => {
    const [, code] = /```ts\n([^]*?)```/.exec(readme)!;
    const imported = [...code!.matchAll(/^import \{ (.*) \} from "(mganet-webgpu(?:\/node)?)";$/gm)];
    expect(imported.map(([, , from]) => from)).toEqual(["mganet-webgpu", "mganet-webgpu/node"]);
    const scope: Record<string, unknown> = {
      image: new Float32Array(2 * 64 * 64 * 3).map((_, i) => Math.sin(i)),
      label: Uint32Array.of(0, 1),
      target: new Float32Array(2 * 64 * 64).map((_, i) => (i % 64 < 20 ? 1 : 0)),
    };
    for (const [, names, from] of imported) {
      const module = (from === "mganet-webgpu" ? library : onNode) as Record<string, unknown>;
      for (const name of names!.split(", ")) {
        expect(module[name], `${name} of ${from}`).toBeDefined();
        scope[name] = module[name];
      }
    }
    const body = code!.replaceAll(/^import .*$/gm, "");
    const AsyncFunction = (async () => {}).constructor as new (
      ...args: string[]
    ) => (...args: unknown[]) => Promise<unknown>;
    const run = new AsyncFunction(...Object.keys(scope), `${body}\ngpu.destroy();\nreturn value[0];`);
    const loss = await run(...Object.values(scope));
    expect(loss).toBeGreaterThan(0);
    expect(loss).toBeLessThan(10);
  });
});
