import { readFileSync } from "node:fs";
import path from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { defineConfig } from "vitest/config";
import { everything, files, tags, tagsOf } from "./test/support/selection.ts";
import { summary } from "./test/support/summary.ts";

/** Whether a file puts others in the place of modules, which the files after it in the same process would get too. */
const mocks = (file: string) => readFileSync(file, "utf8").includes("vi.mock(");

interface Project {
  name: string;
  has: (file: string) => boolean;
  /** Whether each file has a process of its own; starting one and importing everything takes a second. */
  isolate?: boolean;
}

/** The first that has a file is its project. */
const projects: readonly Project[] = [
  { name: "peers", has: (file) => /^test\/peers\//.test(file) },
  { name: "browser", has: (file) => /^test\/browser\//.test(file) },
  // These tell the driver something before it is loaded.
  { name: "gpu, apart", has: (file) => /^test\/(kernels\/wide|node\/precompile)\./.test(file) },
  {
    name: "gpu",
    isolate: false,
    has: (file) => /^test\/(autograd|explain|gpu|graph|kernels|models|nn|optim|train|tune)\//.test(file),
  },
  {
    name: "e2e",
    isolate: false,
    has: (file) => /^test\/(cli\/|readme\.|examples\.|bench\/process\.|node\/vulkan\/)/.test(file),
  },
  { name: "unit", has: (file) => !mocks(file), isolate: false },
  { name: "unit, with mocks", has: () => true },
];
const projectOf = (file: string) => projects.find((project) => project.has(file))!;

/** Those that take longest come first, so that none is left over at the end for one worker alone. */
const longest = ["kernels/adapter", "cli/reproduce.", "kernels/baseline", "cli/evaluate"].map((name) => `test/${name}`);

/** Sets which tests of a file run. Vitest knows this specification by identity: one created anew would have no environment. */
function select(specification: TestSpecification): TestSpecification {
  const testTagsFilter = tagsOf(path.relative(import.meta.dirname, specification.moduleId).replaceAll("\\", "/"));
  return testTagsFilter ? Object.assign(specification, { testTagsFilter }) : specification;
}

class LongestFirst extends BaseSequencer {
  override sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const place = longest.findIndex((name) => moduleId.includes(name));
      return place >= 0 ? place : longest.length + projects.findIndex(({ name }) => name === project.name);
    };
    const sorted = specifications.sort(
      (a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : Number(a.moduleId > b.moduleId)),
    );
    return Promise.resolve(sorted.map(select));
  }
}

export default defineConfig({
  test: {
    // Dawn's bindings are safest in forks.
    pool: "forks",
    maxWorkers: 2,
    setupFiles: ["test/support/typed-arrays.ts"],
    // Only what hangs should end by these: a machine may be slow, busy, and have every shader to compile.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    tags,
    strictTags: true,
    ...(everything ? {} : { tagsFilter: tags.map(({ name }) => `!${name}`) }),
    reporters: ["default", summary],
    silent: "passed-only",
    slowTestThreshold: 10_000,
    sequence: { sequencer: LongestFirst },
    projects: projects.flatMap(({ name, isolate = true }) => {
      const include = files.filter((file) => projectOf(file).name === name);
      return include.length > 0 ? [{ extends: true as const, test: { name, include, isolate } }] : [];
    }),
  },
});
