/** The text of shaders with half-precision bindings. */
import { expect, test } from "vitest";
import { storingHalf } from "../../shaders/lib/storing-half.ts";
import { bindings } from "../../shaders/lib/thread.ts";

const declared = bindings(["x", "vec4f"], ["y", "f32"]);

test("widens what is read and narrows what is assigned, also within an index", () => {
  const body = "  y[i] = max(x[at[i]].x, y[u32(y[0])]);\n  if (y[i] == 0.0) { v.y[i] = xx[i]; }";
  const code = storingHalf(`${declared}\n${body}`, [0, 1]);
  expect(code.split("\n")).toEqual([
    "enable f16;",
    "@group(0) @binding(0) var<storage, read_write> x: array<vec4<f16>>;",
    "@group(0) @binding(1) var<storage, read_write> y: array<f16>;",
    "  y[i] = f16(max(vec4f(x[at[i]]).x, f32(y[u32(f32(y[0]))])));",
    "  if (f32(y[i]) == 0.0) { v.y[i] = xx[i]; }",
  ]);
});

test("leaves the other bindings as they are, and enables f16 once", () => {
  const code = storingHalf(`enable f16;\n${declared}\n  y[i] = x[i].x;`, [0]);
  expect(code.match(/enable f16/g)).toHaveLength(1);
  expect(code).toContain("y: array<f32>;");
  expect(code).toContain("  y[i] = vec4f(x[i]).x;");
});

test("refuses a binding that is not of f32", () => {
  expect(() => storingHalf(bindings(["label", "u32"]), [0])).toThrow("binding 0 is not an array of f32");
});
