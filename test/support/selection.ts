/**
 * Selects which tests run. `npm test` runs enough to show within minutes that a change works; `npm run test:rest` runs most of what
 * that leaves out; `npm run test:all`, or naming a file, runs everything. Training and compiling shaders for a software adapter take
 * the most time.
 */
import { readdirSync, readFileSync } from "node:fs";

/** What runs; bin/test.mjs says so. */
const mode = process.env["MGANET_TESTS"] ?? "all";
/** Whether what `npm test` leaves out runs. */
export const everything = mode !== "fast";
/** Of a kernel's cases, one of so many runs in every variant on the usual adapter. */
export const adapterSample = mode === "rest" ? 2 : 1;

/** Marks a test or a group of tests that `npm test` leaves out: `test("...", slow, ...)`. */
export const slow = { tags: ["slow"] };
/** Marks a case of an op whose kernels other cases also run. */
export const further = { tags: ["further"] };

/** The tags, and why `npm test` leaves out tests that have them. */
export const tags = [
  { name: "slow", description: "longer versions of other tests" },
  { name: "further", description: "cases of ops whose kernels all run in other cases, in every variant" },
];

/** Files that `npm test` leaves out, and why; those of `all` only `test:all` runs. */
const leftOut: readonly { files: RegExp; why: string; all?: true }[] = [
  // The benchmark itself compares what they compute before it times them.
  { files: /^test\/peers\//, why: "whether the other libraries of the benchmark compute the same", all: true },
  { files: /^test\/browser\//, why: "the kernels, runs, the decoding of images and the page in Chromium" },
  {
    files: /^test\/cli\/(reproduce|study-figures|backbones|rollout)\./,
    why: "studies of several seeds, folds and tables; every model",
  },
  { files: /^test\/(cli|train)\/profile\./, why: "where the time of a training goes" },
  { files: /^test\/node\/data\/real\./, why: "a real data set, where it lies beside the project" },
  { files: /^test\/kernels\/conv2d-large\./, why: "convolutions of large shapes" },
  { files: /^test\/kernels\/wide\./, why: "the kernels with 16 lanes" },
  { files: /^test\/node\/data\/compiled\./, why: "that data sets are read without tsx too" },
  { files: /^test\/node\/folder-lock-race\./, why: "processes that race for a folder" },
  {
    files: /^test\/package\/(tarball|bundle)\./,
    why: "the packed package, and the bundle for machines without a network",
  },
  { files: /^test\/node\/data\/memory\./, why: "that many images take no more memory than few" },
  {
    files: /^test\/bench\/(process|models)\./,
    why: "what npm run bench refuses, and what it measures in processes of their own",
  },
  {
    files: /^test\/cli\/(.*-)?process\./,
    why: "processes that are stopped, killed or hung up on, or lose their folder or disk",
  },
];

const all = (readdirSync(new URL("../../test", import.meta.url), { recursive: true }) as string[])
  .map((file) => `test/${file.replaceAll("\\", "/")}`)
  .filter((file) => file.endsWith(".test.ts"))
  .sort();

const groupOf = (file: string) => leftOut.find((group) => group.files.test(file));
const text = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/** Whether tests of a file that `npm test` runs do less there than elsewhere. */
const doesLess = (file: string) => /\b(everything|kernelSuite)\b/.test(text(file));

/**
 * Which tests of a file run: an expression of tags for vitest's `tagsFilter`, of which all must hold.
 * @param file relative to the project
 */
export const tagsOf = (file: string): string[] | undefined =>
  mode === "rest" && !groupOf(file) && !doesLess(file) ? [tags.map(({ name }) => name).join(" || ")] : undefined;

/** Whether any test of a file runs. */
function runs(file: string): boolean {
  const group = groupOf(file);
  if (group && mode !== "all") return mode === "rest" && !group.all;
  return (
    mode === "fast" ||
    tagsOf(file) === undefined ||
    tags.some(({ name }) => new RegExp(`\\b${name}\\b`).test(text(file)))
  );
}

/** The files that run. */
export const files = all.filter(runs);

/** The files that do not run, by reason. */
export const filesLeftOut = leftOut
  .map(({ files: pattern, why }) => ({ why, files: all.filter((file) => pattern.test(file) && !runs(file)) }))
  .filter((group) => group.files.length > 0);
