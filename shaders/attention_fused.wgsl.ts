/**
 * Self-attention (lib/attention.ts) and its gradient without the scores of all pairs in memory (Dao et al. 2022): a thread takes a query, and
 * one key after another with a running maximum and sum; in the gradient a thread takes a query for dq, and a key for dk and dv. All threads of
 * a workgroup are of one head, so that what they go through is the same for all: one load for a whole subgroup.
 *
 * Shapes and formulas as in attention.wgsl.ts. Dispatch: batch heads ceil(T / threads) groups folded over x and y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import {
  attentionHead,
  inX,
  inY,
  keyGradArrays,
  ownToken,
  queryGradArrays,
  scoreOf,
  withBias,
  type AttentionForm,
} from "./lib/attention.ts";
import { bindings } from "./lib/thread.ts";
import { unroll } from "./lib/vec.ts";

type Arrays = [name: string, element: string][];

/** `main` with window z, head h and, in `own`, the token of this thread; threads beyond the last take that once more. */
const frame = (form: AttentionForm, threads: number, arrays: Arrays, body: string): string => wgsl`
${bindings(...arrays)}
${attentionHead(form, arrays.length)}
const D4 = ${form.quads}u;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
${ownToken(threads, "thread")}
${body}
}`;

const each = (form: AttentionForm, line: (d: number) => string): string => unroll(form.quads, line);
const load = (form: AttentionForm, name: string, from: string): string =>
  each(form, (d) => `  let ${name}${d} = ${from} + ${d}u];`);

/** The dot product of two runs of vectors, named or WGSL. */
const dot = (form: AttentionForm, name: string, a: (d: number) => string, b: (d: number) => string): string => `
    var ${name}s = ${a(0)} * ${b(0)};
${unroll(form.quads - 1, (d) => `    ${name}s += ${a(d + 1)} * ${b(d + 1)};`)}
    let ${name} = dot(${name}s, vec4f(1.0));`;

/** Bindings x, (bias,) y, logs. */
export const attentionFused = (form: AttentionForm, threads: number): string =>
  frame(
    form,
    threads,
    [["x", "vec4f"], ...withBias(form), ["y", "vec4f"], ["logs", "f32"]],
    `  let i = own;
  let mine = ${inX("own", 0)};
${load(form, "q", "x[mine")}
${each(form, (d) => `  var acc${d} = vec4f();`)}
  var top = -3e38;
  var sum = 0.0;
  for (var j = 0u; j < p.tokens; j++) {
    let key = ${inX("j", 1)};
    let value = key + p.quads;
${dot(
  form,
  "product",
  (d) => `q${d}`,
  (d) => `x[key + ${d}u]`,
)}
    let s = ${scoreOf(form, "product")};
    let next = max(top, s);
    let keep = exp(top - next);
    let e = exp(s - next);
    sum = sum * keep + e;
    top = next;
${each(form, (d) => `    acc${d} = acc${d} * keep + e * x[value + ${d}u];`)}
  }
  let share = 1.0 / sum;
  let to = ${inY("own")};
${each(form, (d) => `  y[to + ${d}u] = acc${d} * share;`)}
  logs[pairs + own] = top + log(sum);`,
  );

/** dq, delta and, for the bias, ds. Bindings x, (bias,) y, dy, logs, dx, delta(, ds). */
export const attentionFusedQueryGrad = (form: AttentionForm, threads: number): string =>
  frame(
    form,
    threads,
    queryGradArrays(form),
    `  let i = own;
  let mine = ${inX("own", 0)};
  let to = ${inY("own")};
${load(form, "q", "x[mine")}
${load(form, "g", "dy[to")}
${dot(
  form,
  "within",
  (d) => `g${d}`,
  (d) => `y[to + ${d}u]`,
)}
  let whole = logs[pairs + own];
${each(form, (d) => `  var dq${d} = vec4f();`)}
  for (var j = 0u; j < p.tokens; j++) {
    let key = ${inX("j", 1)};
    let value = key + p.quads;
${each(form, (d) => `    let k${d} = x[key + ${d}u];`)}
${dot(
  form,
  "product",
  (d) => `q${d}`,
  (d) => `k${d}`,
)}
${dot(
  form,
  "slope",
  (d) => `g${d}`,
  (d) => `x[value + ${d}u]`,
)}
    let s = exp(${scoreOf(form, "product")} - whole) * (slope - within);
${form.biased ? "    ds[(pairs + own) * p.tokens + j] = s;" : ""}
${each(form, (d) => `    dq${d} += s * k${d};`)}
  }
  let scale = bitcast<f32>(p.scale);
${each(form, (d) => `  dx[mine + ${d}u] = dq${d} * scale;`)}
  delta[pairs + own] = within;`,
  );

/** dk and dv. Bindings x, (bias,) dy, logs, delta, dx. */
export const attentionFusedKeyGrad = (form: AttentionForm, threads: number): string =>
  frame(
    form,
    threads,
    keyGradArrays(form),
    `  let j = own;
  let mine = ${inX("own", 1)};
  let behind = mine + p.quads;
${load(form, "k", "x[mine")}
${load(form, "v", "x[behind")}
${each(form, (d) => `  var dk${d} = vec4f();\n  var dv${d} = vec4f();`)}
  for (var i = 0u; i < p.tokens; i++) {
    let query = ${inX("i", 0)};
    let upstream = ${inY("i")};
${each(form, (d) => `    let q${d} = x[query + ${d}u];\n    let g${d} = dy[upstream + ${d}u];`)}
${dot(
  form,
  "product",
  (d) => `q${d}`,
  (d) => `k${d}`,
)}
${dot(
  form,
  "slope",
  (d) => `g${d}`,
  (d) => `v${d}`,
)}
    let share = exp(${scoreOf(form, "product")} - logs[pairs + i]);
    let s = share * (slope - delta[pairs + i]);
${each(form, (d) => `    dk${d} += s * q${d};\n    dv${d} += share * g${d};`)}
  }
  let scale = bitcast<f32>(p.scale);
${each(form, (d) => `  dx[mine + ${d}u] = dk${d} * scale;\n  dx[behind + ${d}u] = dv${d};`)}`,
  );
