import js from "@eslint/js";
import globals from "globals";
import tseslint from "typescript-eslint";
import { noImportCycle } from "./lint/no-import-cycle.js";

// The rooms of docs/architecture.md, from the bottom up: a room imports from those before it, never from those after.
const rooms = [
  "shaders",
  "src/gpu",
  "src/kernels",
  "src/graph",
  "src/tune",
  "src/autograd",
  "src/nn",
  "src/optim",
  "src/data",
  "src/metrics",
  "src/models",
  "src/train",
  "src/explain",
  "src/study",
  "src/report",
  "src/runs",
  "src/web",
  "src/node",
  "src/cli",
  "bench",
];
/** Rooms with Node's own modules in them; all others run unchanged in a browser. */
const onNode = ["src/node", "src/cli", "bench"];

const browserOnly = { regex: "^(node:|fs$|path$|sharp$|webgpu$)", message: "this room runs in a browser too" };

const layers = rooms.map((room, i) => {
  const upper = rooms.slice(i + 1).map((r) => r.split("/").at(-1));
  const back = {
    regex: `^\\.{1,2}/(.*/)?(${upper.join("|")})/`,
    message: "imports run downwards in the table of docs/architecture.md, never back up",
  };
  const patterns = [...(upper.length > 0 ? [back] : []), ...(onNode.includes(room) ? [] : [browserOnly])];
  return {
    files: [`${room}/**/*.{ts,mjs}`],
    rules: {
      "no-restricted-imports": patterns.length > 0 ? ["error", { patterns }] : "off",
      ...(onNode.includes(room)
        ? {}
        : { "no-restricted-globals": ["error", "process", "Buffer", "__dirname", "require"] }),
    },
  };
});

export default tseslint.config(
  { ignores: ["dist", "runs", "node_modules", "test/reference/data"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // An index that was just checked, or found: `noUncheckedIndexedAccess` makes each one undefined, and ! says that it is not.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // `get<T>(name)` with a T that only the caller knows is a cast in fewer words.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // `() => gpu.destroy()` reads better than a block.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      // `() => void (count += 1)`: what follows is for its effect alone, whatever its type.
      "@typescript-eslint/no-meaningless-void-operator": "off",
      // A cast to a class is a cast like any other.
      "@typescript-eslint/no-unsafe-class-instance-assignment": "off",
      eqeqeq: "error",
    },
  },
  ...layers,
  {
    files: ["{src,shaders,bench}/**/*.{ts,mjs}"],
    plugins: { local: { rules: { "no-import-cycle": noImportCycle } } },
    rules: { "local/no-import-cycle": "error" },
  },
  {
    files: ["test/browser/page.ts", "test/support/{check-*,ops,reference,runner,variants}.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [browserOnly] }] },
  },
  { files: ["**/*.{js,mjs}"], languageOptions: { globals: globals.node } },
);
