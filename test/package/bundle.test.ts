/** `npm run bundle`: the archive is unpacked and used where there is no network. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../cli/support.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const bundle = (...args: string[]) =>
  run(process.execPath, [path.join(root, "bin/bundle.mjs"), ...args], { cwd: root });
const model = "app/public/model.safetensors";

/** A program without a network, where this machine lets us take it away. */
const cut = ["unshare", "-rn"];
const canCut = spawnSync(cut[0]!, [...cut.slice(1), "true"]).status === 0;
if (!canCut) console.log("Left out: the offline bundle without a network, since unshare -rn is not permitted here.");

describe("what it cannot bundle", () => {
  it.each([
    [["--model", "none.safetensors"], /^mganet: none\.safetensors: there is no such file\n$/],
    [
      ["--run", "nowhere"],
      /^mganet: nowhere\/best\.safetensors and nowhere\/last\.safetensors: there is no such file\n$/,
    ],
    [["--run", "a", "--model", "b"], /^mganet: give --run or --model, not both\nUsage: /],
    [["--models", "b"], /^mganet: Unknown option '--models'.*\nUsage: /],
  ])("%j is refused before anything is built", async (args, message) => {
    const out = path.join(temporaryFolder(), "b.tar.gz");
    const { code, stderr } = await bundle(...args, "--out", out).then(
      () => ({ code: 0, stderr: "" }),
      (error: unknown) => error as { code: number; stderr: string },
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });
});

describe.runIf(canCut)("the archive, where there is no network", () => {
  const folder = temporaryFolder();
  let home: string;

  beforeAll(async () => {
    await bundle("--model", model, "--out", path.join(folder, "bundle.tar.gz"));
    expect(readdirSync(folder)).toEqual(["bundle.tar.gz"]);
    await run("tar", ["-xzf", path.join(folder, "bundle.tar.gz"), "-C", folder]);
    home = path.join(
      folder,
      readdirSync(folder).find((name) => name.startsWith("mganet-"))!,
    );
  });

  /** In a shell of its own, with nothing of this process's driver. */
  const mganet = async (...args: string[]) => {
    const env = { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, HOME: folder, NO_COLOR: "1" };
    const { stdout } = await run(cut[0]!, [...cut.slice(1), "./mganet", ...args], { cwd: home, env });
    return stdout;
  };

  it("has one platform's binary of Dawn, the driver, the model, and what to do with them", () => {
    expect(readdirSync(path.join(home, "node_modules/webgpu/dist"))).toHaveLength(1);
    expect(readFileSync(path.join(home, "README.txt"), "utf8")).toContain(
      "./mganet predict --run model/model.safetensors",
    );
    for (const name of ["driver/bundle.json", "THIRD-PARTY.md", model.replace("app/public", "model")])
      expect(existsSync(path.join(home, name)), name).toBe(true);
    expect(existsSync(path.join(home, "node_modules/tsx"))).toBe(false);
  });

  it("nothing is reached from there", () => {
    const code = `fetch("https://registry.npmjs.org/").then(() => process.exit(0), () => process.exit(3))`;
    expect(spawnSync(cut[0]!, [...cut.slice(1), process.execPath, "-e", code]).status).toBe(3);
  });

  it("computes with its own driver, and predicts with its model", async () => {
    expect(await mganet("doctor")).toMatch(/^driver .*llvmpipe.* \(unpacked\)$/m);
    const out = path.join(folder, "predictions");
    const said = await mganet(
      "predict",
      "--run",
      "model/model.safetensors",
      path.join(root, "docs/prediction.png"),
      "--out",
      out,
    );
    expect(said).toMatch(/prediction\.png: [\d.]+ % malignant/);
    expect(readdirSync(out)).toContain("predictions.json");
  });

  it("trains, and says how it is called there", async () => {
    const few = ["--size", "32", "--phantom-images", "24", "--seg-epochs", "1", "--joint-epochs", "1"];
    const said = await mganet("train", ...few, "--width", "0.0625", "--out", path.join(folder, "run"));
    expect(said).toContain(`Try it:  ./mganet predict --run ${path.join(folder, "run")} IMAGE...`);
  });
});
