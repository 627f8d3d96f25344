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
  "src/loop",
  "src/data",
  "src/io",
  "src/metrics",
  "src/models",
  "src/train",
  "src/explain",
  "src/study",
  "src/report",
  "src/export",
  "src/runs",
  "src/web",
  "src/node",
  "src/cli",
  "app",
  "bench",
];
/** Rooms with Node's own modules in them; all others run unchanged in a browser. */
const onNode = ["src/node", "src/cli", "bench"];

const browserOnly = { regex: "^(node:|fs$|path$|sharp$|webgpu$)", message: "this room runs in a browser too" };
/** src/web and src/node lie side by side. */
const onWeb = { regex: "^\\.{1,2}/(.*/)?web/", message: "src/web is what only a browser has: Node has src/node" };

/** The page is built on what runs in a browser. */
const ofNode = { regex: "^\\.{1,2}/(.*/)?src/(node|cli)/", message: "the page runs in a browser: src/web is its room" };

const layers = rooms.map((room, i) => {
  // What only a browser has is of no use on Node.
  const upper = [...rooms.slice(i + 1), ...(onNode.includes(room) ? ["src/web"] : [])].map((r) => r.split("/").at(-1));
  const back = {
    regex: `^\\.{1,2}/(.*/)?(${upper.join("|")})/`,
    message: "imports run downwards in the table of docs/architecture.md, never back up",
  };
  const patterns = [
    ...(upper.length > 0 ? [back] : []),
    onNode.includes(room) ? onWeb : browserOnly,
    ...(room === "app" ? [ofNode] : []),
  ];
  return {
    files: [`${room}/**/*.{ts,tsx,mjs}`],
    // On Node, Vite reads its settings, and a script makes the model that comes with the page.
    ignores: ["app/vite.config.ts", "app/make-model.ts"],
    rules: {
      "no-restricted-imports": patterns.length > 0 ? ["error", { patterns }] : "off",
      ...(onNode.includes(room)
        ? {}
        : { "no-restricted-globals": ["error", "process", "Buffer", "__dirname", "require"] }),
    },
  };
});

export default tseslint.config(
  { ignores: ["dist", "docs/api", "runs", "node_modules", "test/reference/data"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
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
    files: ["{src,shaders,app,bench}/**/*.{ts,tsx,mjs}"],
    plugins: { local: { rules: { "no-import-cycle": noImportCycle } } },
    rules: { "local/no-import-cycle": "error" },
  },
  {
    files: ["test/browser/{page,runs-page,runs-worker}.ts", "test/support/{check-*,ops,reference,runner,variants}.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [browserOnly] }] },
  },
  {
    // The context of a worker's method comes last, whether the method needs it or not.
    files: ["app/worker/*.ts"],
    rules: { "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_$" }] },
  },
  { files: ["**/*.{js,mjs}"], ignores: ["app/**"], languageOptions: { globals: globals.node } },
  { files: ["app/service-worker.js"], languageOptions: { globals: globals.serviceworker } },
);
