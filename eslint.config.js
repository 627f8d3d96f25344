import js from "@eslint/js";
import globals from "globals";
import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

// The rooms of docs/architecture.md, from the bottom up: a room imports from those before it, never from those after.
const rooms = [
  "shaders",
  "src/gpu",
  "src/kernels",
  "src/graph",
  "src/autograd",
  "src/nn",
  "src/models",
  "src/data",
  "src/train",
  "src/report",
  "src/node",
  "src/cli",
  "bench",
];
const zones = rooms.map((room, i) => ({
  target: `./${room}`,
  from: rooms.slice(i + 1).map((upper) => `./${upper}`),
  message: "imports run downwards in the table of docs/architecture.md, never back up",
}));
const nodeOnly = ["src/node/**", "src/cli/**", "bench/**", "test/**", "bin/**", "*.config.*"];

export default tseslint.config(
  { ignores: ["dist", "runs", "node_modules", "test/reference/data"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { "import-x": importX },
    rules: {
      "import-x/no-restricted-paths": ["error", { zones: zones.filter((z) => z.from.length > 0) }],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      eqeqeq: "error",
    },
  },
  {
    // What runs unchanged in a browser.
    files: ["src/**/*.ts", "shaders/**/*.ts"],
    ignores: nodeOnly,
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ regex: "^(node:|fs$|path$|sharp$|webgpu$)", message: "this room runs in a browser too" }] },
      ],
      "no-restricted-globals": ["error", "process", "Buffer", "__dirname", "require"],
    },
  },
  { files: ["**/*.{js,mjs}"], languageOptions: { globals: globals.node } },
);
