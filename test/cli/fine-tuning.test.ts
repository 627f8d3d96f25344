/** `--init` and `--freeze`: a run that begins from an earlier one, with the segmentation branch of that. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { serializeSafetensors, type SafeTensor } from "../../src/data/safetensors.ts";
import { parseCheckpoint } from "../../src/train/checkpoint.ts";
import { slow } from "../support/selection.ts";
import { COLD, spawned } from "./spawned.ts";
import { checkpointBytes, expectRefused, mganet, temporaryFolder, tiny, tinyConfig } from "./support.ts";

const dir = temporaryFolder();
const at = (...names: string[]) => path.join(dir, ...names);
const bytes = (...names: string[]) => readFileSync(at(...names));
const json = (...names: string[]) => JSON.parse(bytes(...names).toString("utf8")) as Record<string, unknown>;
const weights = (...names: string[]) => parseCheckpoint(bytes(...names), names.join("/")).model;
const frozen = ["--freeze", "segmentation", "--seg-epochs", "0"];
/** A run that begins from `from`. */
const tuning = (from: string, out: string, ...more: string[]) => [
  ...["train", ...tiny, "--seed", "4", "--init", at(from), ...more, "--out", at(out)],
];

let out: string[];
beforeAll(async () => {
  expect(await mganet("train", ...tiny, "--out", at("earlier"))).toMatchObject({ code: 0, err: [] });
  cpSync(at("earlier", "best.safetensors"), at("copy", "earlier.safetensors"));
  const ended = await mganet(...tuning("earlier", "tuned", ...frozen));
  expect([ended.code, ended.err]).toEqual([0, []]);
  out = ended.out;
}, COLD);

describe("a run from an earlier one, with its segmentation branch frozen", () => {
  test("says what it takes, and trains the rest", () => {
    expect(out[0]).toMatch(
      /^Preset quick: MGA-Net, parallel fusion, width 0\.0625, segmentation frozen; 32×32, batch 4, 0 \+ 2 epochs; on /,
    );
    expect(out).toContain(`Begins from ${at("earlier", "best.safetensors")}: 354 tensors taken`);
    expect(out.filter((line) => / stage: /.test(line))).toEqual(["Joint stage: 2 epochs of 8 steps"]);
    const [before, after] = [weights("earlier", "best.safetensors"), weights("tuned", "last.safetensors")];
    const same = [...before].filter(([name, { data }]) => data.every((v, i) => v === after.get(name)!.data[i]));
    const branch = [...before.keys()].filter((name) => name.startsWith("segmenter."));
    expect(same.map(([name]) => name).filter((name) => name.startsWith("segmenter."))).toEqual(branch);
    expect(same.some(([name]) => name.startsWith("classifier."))).toBe(false);
  });

  test("keeps in its folder, and shows in its report, where it began", () => {
    const sha256 = createHash("sha256").update(bytes("earlier", "best.safetensors")).digest("hex");
    const init = { file: at("earlier", "best.safetensors"), sha256, model: "mganet", phase: "joint", outlines: true };
    expect(json("tuned", "config.json")).toMatchObject({ init, freeze: "segmentation" });
    expect(parseCheckpoint(bytes("tuned", "best.safetensors"), "best").config).toMatchObject({ init });
    const page = bytes("tuned", "report.html").toString("utf8");
    expect(page).toContain(sha256);
    expect(page).toContain("began from");
    expect(json("earlier", "config.json")).not.toHaveProperty("init");
  });

  test("is evaluated, and can be begun from in turn", async () => {
    const { code, err, out } = await mganet("evaluate", at("tuned"));
    expect([code, err]).toEqual([0, []]);
    expect(out.join("\n")).toMatch(/AUC[^]*Dice/);
    const again = await mganet(
      ...tuning(
        "tuned/last.safetensors",
        "third",
        "--freeze",
        "segmentation",
        "--seg-epochs",
        "0",
        "--joint-epochs",
        "1",
        "--alpha",
        "0",
      ),
    );
    expect([again.code, again.err]).toEqual([0, []]);
    expect(weights("third", "last.safetensors").get("segmenter.head.weight")).toEqual(
      weights("earlier", "best.safetensors").get("segmenter.head.weight"),
    );
  });

  test.each<[string, RegExp, NodeJS.Signals, number | null]>([
    ["killed before its first step", /^Joint stage: /, "SIGKILL", null],
    ["stopped after an epoch", /^ +joint 1\/2/, "SIGINT", 130],
  ])(
    "%s, it resumes to the same bits, although the source is gone",
    { ...slow, timeout: COLD },
    async (name, line, signal, code) => {
      cpSync(at("earlier"), at("gone"), { recursive: true });
      const folder = name.replaceAll(" ", "-");
      const stopped = await spawned(
        tuning("gone", folder, ...frozen),
        (text, kill) => void (line.test(text) && kill(signal)),
      );
      expect(stopped.code).toBe(code);
      rmSync(at("gone"), { recursive: true });
      expect(await mganet("train", "--resume", at(folder))).toMatchObject({ code: 0, err: [] });
      for (const file of ["last.safetensors", "best.safetensors"]) {
        const [found, whole] = [bytes(folder, file), bytes("tuned", file)].map((content) =>
          parseCheckpoint(content, file),
        );
        expect({ ...found, config: { ...found!.config, init: whole!.config.init } }, file).toEqual(whole);
      }
    },
  );
});

describe("a run from several files, each of which gives a part", () => {
  const branch = ["classifier=" + at("resnet.safetensors"), "segmenter=" + at("earlier")];
  const several = branch.flatMap((one) => ["--init", one]);
  const run = (out: string, ...more: string[]) => [
    ...["train", ...tiny, "--seed", "5", ...several, ...frozen, ...more, "--out", at(out)],
  ];

  beforeAll(async () => {
    // What another program would have written of a ResNet34: its own names, and a last layer for 1000 classes.
    const state = [...weights("copy", "earlier.safetensors")]
      .filter(([name]) => name.startsWith("classifier."))
      .map(([name, { shape, data }]): [string, SafeTensor] => {
        const moved = data.map((v) => v + 0.001);
        return [name.slice("classifier.".length), { dtype: "F32", shape: [...shape], data: moved }];
      });
    state.push(["fc.weight", { dtype: "F32", shape: [1000, 32], data: new Float32Array(32_000) }]);
    writeFileSync(at("resnet.safetensors"), serializeSafetensors(new Map(state), { format: "pt" }));
    const ended = await mganet(...run("parts"));
    expect([ended.code, ended.err]).toEqual([0, []]);
    out = ended.out;
  }, COLD);

  test("says what it takes of each, what it leaves, and what no file gives", () => {
    const best = at("earlier", "best.safetensors");
    expect(out.filter((line) => /^(Begins|Initial)/.test(line))).toEqual([
      `Begins from ${at("resnet.safetensors")} (classifier): 180 tensors taken; left: 1 of fc`,
      `Begins from ${best} (segmenter): 152 tensors taken`,
      "Initial values of the seed: 2 of fc, 4 of mga.L0, 4 of mga.L1, 4 of mga.L2, 4 of mga.L3, 4 of mga.L4",
    ]);
    const init = json("parts", "config.json")["init"] as { file: string; module: string }[];
    expect(init.map(({ file, module }) => [file, module])).toEqual([
      [at("resnet.safetensors"), "classifier"],
      [best, "segmenter"],
    ]);
    const page = bytes("parts", "report.html").toString("utf8");
    for (const from of [`${at("resnet.safetensors")} (classifier)`, `${best} (segmenter)`])
      expect(page).toContain(from);
  });

  test("keeps the frozen branch of its file, and is evaluated and begun from in turn", async () => {
    const [before, after] = [weights("earlier", "best.safetensors"), weights("parts", "last.safetensors")];
    for (const [name, { data }] of before) {
      if (name.startsWith("segmenter.")) expect(after.get(name)!.data, name).toEqual(data);
    }
    const { code, err, out } = await mganet("evaluate", at("parts"));
    expect([code, err]).toEqual([0, []]);
    expect(out.join("\n")).toMatch(/AUC[^]*Dice/);
  });

  test("killed before its first step, it resumes to the same bits", { ...slow, timeout: COLD }, async () => {
    const stopped = await spawned(
      run("parts-killed"),
      (text, kill) => void (/^Joint stage: /.test(text) && kill("SIGKILL")),
    );
    expect(stopped.code).toBe(null);
    expect(await mganet("train", "--resume", at("parts-killed"))).toMatchObject({ code: 0, err: [] });
    expect(weights("parts-killed", "last.safetensors")).toEqual(weights("parts", "last.safetensors"));
  });

  test("is refused where files overlap, or a part is none or not in a file", async () => {
    const refused = async (inits: string[], reason: string) => {
      await expectRefused(
        ["train", ...tiny, ...inits.flatMap((one) => ["--init", one]), "--out", at("refused")],
        reason,
      );
      expect(existsSync(at("refused"))).toBe(false);
    };
    const best = at("earlier", "best.safetensors");
    await refused(
      [at("earlier"), at("resnet.safetensors")],
      `--init: ${best} and ${at("resnet.safetensors")} both give classifier.conv1.weight: name the part that is to be taken of each, as in ` +
        `--init classifier=${at("resnet.safetensors")}`,
    );
    await refused(
      [`segmenter=${at("earlier")}`, `segmenter.encoder=${at("earlier")}`],
      `${best} (segmenter) and ${best} (segmenter.encoder) both give segmenter.encoder.conv1.weight`,
    );
    await refused(
      [`decoder=${at("earlier")}`],
      `--init: ${best}: the network has no part decoder; its parts are classifier, segmenter, fc, mga`,
    );
    await refused(
      [`classifier=segmenter=${at("earlier")}`],
      `classifier=segmenter=${at("earlier")}: names two parts, classifier and segmenter; name one, as in classifier=FILE`,
    );
    await refused(
      [`segmenter=${at("resnet.safetensors")}`],
      `${at("resnet.safetensors")}: none of its weights has a name of segmenter's, such as encoder.conv1.weight; its first is conv1.weight`,
    );
    await refused([`mga.L0=${at("resnet.safetensors")}`], `${at("resnet.safetensors")}: `);
    await refused([`segmenter=${at("nothing")}`], `${at("nothing")}: no such file or folder`);
    await expectRefused(
      ["train", ...tiny, "--init", `classifier=${at("earlier")}`, ...frozen, "--out", at("refused")],
      "--freeze: the segmentation branch would stay at random values",
    );
  });
});

test("other classes and modules are listed, and classes are learned anew", slow, async () => {
  const ended = await mganet(
    ...tuning("copy/earlier.safetensors", "kinds", ...frozen, "--target", "kind", "--at", "2,4", "--fusion", "serial"),
  );
  expect([ended.code, ended.err]).toEqual([0, []]);
  expect(ended.out).toContain(
    `Begins from ${at("copy", "earlier.safetensors")}: 340 tensors taken; left: 2 of fc, 4 of mga.L0, 4 of mga.L1, 4 of mga.L3; initial values: 2 of fc`,
  );
  expect(weights("kinds", "last.safetensors").get("fc.weight")!.shape[0]).toBe(3);
});

describe("refused in one line, with nothing left behind:", () => {
  const refused = async (args: string[], reason: string | RegExp) => {
    await expectRefused(args, reason);
    expect(existsSync(at("refused"))).toBe(false);
  };
  const from = (source: string, ...more: string[]) => tuning(source, "refused", ...more);

  test("what is no checkpoint, or of another network", async () => {
    writeFileSync(at("text.safetensors"), "no tensors here");
    writeFileSync(
      at("new.safetensors"),
      await checkpointBytes(tinyConfig, {
        ...parseCheckpoint(bytes("tuned/last.safetensors"), "a").position,
        stage: 0,
      }),
    );
    const best = at("earlier", "best.safetensors");
    await refused(from("nothing"), `${at("nothing")}: no such file or folder`);
    await refused(from("copy"), `${at("copy")}: there is no checkpoint best.safetensors or last.safetensors`);
    await refused(from("text.safetensors"), `${at("text.safetensors")}: `);
    await refused(from("new.safetensors"), `${at("new.safetensors")}: nothing has been trained in it yet`);
    await refused(
      from("earlier", "--width", "0.125"),
      `${best}: classifier.conv1.weight is [4, 3, 7, 7], the new network has [8, 3, 7, 7]; its width is 0.0625, not 0.125`,
    );
    await refused(
      ["train", "--model", "resnet34", "--init", at("earlier"), "--out", at("refused")],
      `--init: ${best} is a checkpoint of mganet, not of resnet34`,
    );
    await refused(["train", "--init", ""], "--init");
  });

  test("what would not be as it is meant", async () => {
    await refused(
      from("earlier", "--freeze", "segmentation"),
      "--seg-epochs: must be 0 when the segmentation branch is frozen",
    );
    await refused(
      ["train", ...tiny, ...frozen, "--out", at("refused")],
      "--freeze: the segmentation branch would stay at random values",
    );
    await refused(
      from("earlier", ...frozen, "--alpha", "1"),
      "--alpha above 0 has no effect with --freeze segmentation",
    );
    await refused(
      from("earlier", ...frozen, "--mask-loss", "bce"),
      "--mask-loss has no effect with --freeze segmentation",
    );
    await refused(from("earlier", ...frozen, "--lr", "1e-3"), "--lr has no effect with --seg-epochs 0");
    await refused(from("earlier", "--freeze", "classifier"), /--freeze.*Allowed choices are none, segmentation/);
    await refused(
      ["train", "--model", "vit_b_16", "--freeze", "segmentation", "--out", at("refused")],
      "--freeze is an option of mganet, not of vit_b_16",
    );
    await refused(["train", "--resume", at("tuned"), "--init", at("earlier")], "leave out --init");
    await refused(["reproduce", "--table", "3", "--init", at("earlier")], /unknown option '--init'/);
    await refused(["reproduce", "--table", "3", "--freeze", "segmentation"], /unknown option '--freeze'/);
  });
});
