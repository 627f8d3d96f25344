/**
 * Self-attention (lib/attention.ts) step by step, with the scores of all pairs in memory, and its gradient:
 *
 *   dp[i,j] = dy[i] · v[j],   delta[i] = dy[i] · y[i],   ds = p (dp - delta),
 *   dq[i] = SCALE sum over j of ds k[j],   dk[j] = SCALE sum over i of ds q[i],   dv[j] = sum over i of p dy[i]
 *
 * x and dx [B,T,3,H,D / 4], y and dy [B,T,H,D / 4], of vec4f; s, p and ds [B,H,T,T]; logs and delta [B,H,T]; bias [H,T,T].
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { attentionHead, inX, inY, scoreOf, withBias, type AttentionForm } from "./lib/attention.ts";
import { bindings, threadMain } from "./lib/thread.ts";

/** Vectors of a head. Not a constant: compilers would unroll the loops over them. */
const D4 = "(p.quads / p.heads)";

const head = (form: AttentionForm, arrays: [string, string][]): string => `
${bindings(...arrays)}
${attentionHead(form, arrays.length)}`;

/** z, h, i and j of a pair. */
const pair = `  let j = i0 % p.tokens;
  let i = (i0 / p.tokens) % p.tokens;
  let h = (i0 / p.tokens / p.tokens) % p.heads;
  let z = i0 / p.tokens / p.tokens / p.heads;`;

const pairs = (threads: number, body: string): string =>
  threadMain({ items: "p.batch * p.heads * p.tokens * p.tokens", threads }, `  let i0 = i;\n  {\n${body}\n  }`);

const dot = (name: string, a: [string, string], b: [string, string]): string => `
  var ${name}s = vec4f();
  {
    let first = ${a[1]};
    let second = ${b[1]};
    for (var d = 0u; d < ${D4}; d++) { ${name}s += ${a[0]}[first + d] * ${b[0]}[second + d]; }
  }
  let ${name} = dot(${name}s, vec4f(1.0));`;

/** Bindings x, (bias,) s. One thread per pair. */
export const attentionScores = (form: AttentionForm, threads: number): string => wgsl`
${head(form, [["x", "vec4f"], ...withBias(form), ["s", "f32"]])}
${pairs(
  threads,
  `${pair}
${dot("product", ["x", inX("i", 0, D4)], ["x", inX("j", 1, D4)])}
  s[i0] = ${scoreOf(form, "product")};`,
)}`;

/** s becomes p in place; logs: the logarithm of each row's sum of exp(s). Bindings s, logs. One thread per row. */
export const attentionSoftmax = (form: AttentionForm, threads: number): string => wgsl`
${head({ ...form, shifted: false }, [
  ["s", "f32"],
  ["logs", "f32"],
])}
${threadMain(
  { items: "p.batch * p.heads * p.tokens", threads },
  `  let first = i * p.tokens;
  var top = s[first];
  for (var j = 1u; j < p.tokens; j++) { top = max(top, s[first + j]); }
  var sum = 0.0;
  for (var j = 0u; j < p.tokens; j++) {
    let e = exp(s[first + j] - top);
    s[first + j] = e;
    sum += e;
  }
  let share = 1.0 / sum;
  for (var j = 0u; j < p.tokens; j++) { s[first + j] = s[first + j] * share; }
  logs[i] = top + log(sum);`,
)}`;

/** Bindings x, shares (p), y. One thread per vector of y. */
export const attentionValues = (form: AttentionForm, threads: number): string => wgsl`
${head({ ...form, shifted: false }, [
  ["x", "vec4f"],
  ["shares", "f32"],
  ["y", "vec4f"],
])}
${threadMain(
  { items: "p.batch * p.tokens * p.quads", threads },
  `  let d = i % ${D4};
  let h = (i / ${D4}) % p.heads;
  let t = (i / p.quads) % p.tokens;
  let z = i / p.quads / p.tokens;
  let first = ((z * p.heads + h) * p.tokens + t) * p.tokens;
  var sum = vec4f();
  for (var j = 0u; j < p.tokens; j++) { sum += shares[first + j] * x[${inX("j", 2, D4)} + d]; }
  y[i] = sum;`,
)}`;

/** delta from y and dy. One thread per query and head. */
export const attentionDelta = (form: AttentionForm, threads: number): string => wgsl`
${head({ ...form, shifted: false }, [
  ["y", "vec4f"],
  ["dy", "vec4f"],
  ["delta", "f32"],
])}
${threadMain(
  { items: "p.batch * p.heads * p.tokens", threads },
  `  let t = i % p.tokens;
  let h = (i / p.tokens) % p.heads;
  let z = i / p.tokens / p.heads;
${dot("sum", ["y", inY("t", D4)], ["dy", inY("t", D4)])}
  delta[i] = sum;`,
)}`;

/** Bindings x, (bias,) dy, logs, delta, shares (p), ds. One thread per pair. */
export const attentionPairGrads = (form: AttentionForm, threads: number): string => wgsl`
${head(form, [
  ["x", "vec4f"],
  ...withBias(form),
  ["dy", "vec4f"],
  ["logs", "f32"],
  ["delta", "f32"],
  ["shares", "f32"],
  ["ds", "f32"],
])}
${pairs(
  threads,
  `${pair}
${dot("product", ["x", inX("i", 0, D4)], ["x", inX("j", 1, D4)])}
${dot("slope", ["dy", inY("i", D4)], ["x", inX("j", 2, D4)])}
  let at = (z * p.heads + h) * p.tokens + i;
  let share = exp(${scoreOf(form, "product")} - logs[at]);
  shares[i0] = share;
  ds[i0] = share * (slope - delta[at]);`,
)}`;

/** Bindings x, dy, shares, ds, dx. One thread per vector of dx. */
export const attentionOperandGrads = (form: AttentionForm, threads: number): string => wgsl`
${head({ ...form, shifted: false }, [
  ["x", "vec4f"],
  ["dy", "vec4f"],
  ["shares", "f32"],
  ["ds", "f32"],
  ["dx", "vec4f"],
])}
${threadMain(
  { items: "p.batch * p.tokens * p.row", threads },
  `  let d = i % ${D4};
  let h = (i / ${D4}) % p.heads;
  let part = (i / p.quads) % 3u;
  let t = (i / p.row) % p.tokens;
  let z = i / p.row / p.tokens;
  let pairs = (z * p.heads + h) * p.tokens * p.tokens;
  let scale = bitcast<f32>(p.scale);
  var sum = vec4f();
  if (part == 0u) {
    for (var j = 0u; j < p.tokens; j++) { sum += ds[pairs + t * p.tokens + j] * x[${inX("j", 1, D4)} + d]; }
    sum *= scale;
  } else if (part == 1u) {
    for (var j = 0u; j < p.tokens; j++) { sum += ds[pairs + j * p.tokens + t] * x[${inX("j", 0, D4)} + d]; }
    sum *= scale;
  } else {
    for (var j = 0u; j < p.tokens; j++) { sum += shares[pairs + j * p.tokens + t] * dy[${inY("j", D4)} + d]; }
  }
  dx[i] = sum;`,
)}`;
