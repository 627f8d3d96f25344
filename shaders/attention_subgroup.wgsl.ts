/**
 * The fused self-attention (attention_fused.wgsl.ts) for adapters on which a broadcast is cheap and a load is not: a subgroup takes as many
 * queries as it has lanes, and keys block by block, of which each lane loads one and hands it to the others. In the gradient, lanes hold
 * queries for dq, and keys for dk and dv.
 *
 * Dispatch: batch heads ceil(T / subgroup) groups folded over x and y; a workgroup is one subgroup.
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

export interface AttentionBlock extends AttentionForm {
  subgroup: number;
  /** Tokens that are handed around at once, at most as many as there are lanes. */
  block: number;
}

/** `main` with window z, head h and, in `own`, the token of this lane; lanes beyond the last take that once more. */
const frame = (form: AttentionBlock, arrays: Arrays, body: string): string => wgsl`
enable subgroups;
${bindings(...arrays)}
${attentionHead(form, arrays.length)}
const D4 = ${form.quads}u;
@compute @workgroup_size(${form.subgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
${ownToken(form.subgroup, "lane")}
  let last = p.tokens - 1u;
  let scale = bitcast<f32>(p.scale);
${form.shifted ? "  let mine_region = region(own, z);" : ""}
${body}
}`;

const each = (form: AttentionForm, line: (d: number) => string): string => unroll(form.quads, line);
const load = (form: AttentionForm, name: string, at: string): string =>
  each(form, (d) => `  let ${name}${d} = ${at} + ${d}u];`);
const from = (name: string, k: number): string => `subgroupBroadcast(${name}, ${k}u)`;

/** A loop over the tokens in blocks: `body` with the first in `t0` and, in `other`, the one that this lane loads. */
const overBlocks = (form: AttentionBlock, body: string): string => `
  for (var t0 = 0u; t0 < p.tokens; t0 += ${form.block}u) {
    let other = min(t0 + lane % ${form.block}u, last);
${form.shifted ? "    let other_region = region(other, z);" : ""}
${body}
  }`;

/** The dot product of the own token's vectors and those that lane k has loaded. */
const dot = (form: AttentionForm, own: string, theirs: string, k: number): string =>
  Array.from({ length: form.quads }, (_, d) => `dot(${own}${d}, ${from(`${theirs}${d}`, k)})`).join(" + ");

/** The score with token t0 + k, given the product; `query` and `key` are WGSL of the two tokens' numbers. */
const score = (form: AttentionBlock, product: string, k: number, query: string, key: string): string =>
  scoreOf(form, product, { query, key, apart: `mine_region != ${from("other_region", k)}` }, "scale");

/** The number of token t0 + k, or the last one. */
const token = (k: number): string => `min(t0 + ${k}u, last)`;

/** Bindings x, (bias,) y, logs. */
export const attentionSubgroup = (form: AttentionBlock): string => {
  const keys = Array.from({ length: form.block }, (_, k) => k);
  return frame(
    form,
    [["x", "vec4f"], ...withBias(form), ["y", "vec4f"], ["logs", "f32"]],
    `  let mine = ${inX("own", 0)};
${load(form, "q", "x[mine")}
${each(form, (d) => `  var acc${d} = vec4f();`)}
  var top = -3e38;
  var sum = 0.0;
${overBlocks(
  form,
  `    let key = ${inX("other", 1)};
${load(form, "k", "x[key")}
${keys.map((k) => `    let s${k} = select(-3e38, ${score(form, dot(form, "q", "k", k), k, "own", token(k))}, t0 + ${k}u < p.tokens);`).join("\n")}
    let next = ${keys.reduce((max, k) => `max(${max}, s${k})`, "top")};
    let keep = exp(top - next);
${keys.map((k) => `    let e${k} = exp(s${k} - next);`).join("\n")}
    sum = sum * keep + ${keys.map((k) => `e${k}`).join(" + ")};
    top = next;
    let value = key + p.quads;
${each(form, (d) => `    let v${d} = x[value + ${d}u];\n    acc${d} = acc${d} * keep + ${keys.map((k) => `e${k} * ${from(`v${d}`, k)}`).join(" + ")};`)}`,
)}
  let share = 1.0 / sum;
  let to = ${inY("own")};
${each(form, (d) => `  y[to + ${d}u] = acc${d} * share;`)}
  logs[pairs + own] = top + log(sum);`,
  );
};

/** dq, delta and, for the bias, ds. Bindings x, (bias,) y, dy, logs, dx, delta(, ds). */
export const attentionSubgroupQueryGrad = (form: AttentionBlock): string => {
  const keys = Array.from({ length: form.block }, (_, k) => k);
  return frame(
    form,
    queryGradArrays(form),
    `  let mine = ${inX("own", 0)};
  let to = ${inY("own")};
${load(form, "q", "x[mine")}
${load(form, "g", "dy[to")}
  let within = ${Array.from({ length: form.quads }, (_, d) => `dot(g${d}, y[to + ${d}u])`).join(" + ")};
  let whole = logs[pairs + own];
${each(form, (d) => `  var dq${d} = vec4f();`)}
${overBlocks(
  form,
  `    let key = ${inX("other", 1)};
    let value = key + p.quads;
${load(form, "k", "x[key")}
${load(form, "v", "x[value")}
${keys
  .map((k) => {
    const whole = `exp(${score(form, dot(form, "q", "k", k), k, "own", token(k))} - whole) * (${dot(form, "g", "v", k)} - within)`;
    // Beyond the last token this is the last one's once more: what is stored is right, what is summed up is not.
    const store = form.biased ? `\n    ds[(pairs + own) * p.tokens + ${token(k)}] = d${k};` : "";
    return `    let d${k} = ${whole};${store}\n    let s${k} = select(0.0, d${k}, t0 + ${k}u < p.tokens);`;
  })
  .join("\n")}
${each(form, (d) => `    dq${d} += ${keys.map((k) => `s${k} * ${from(`k${d}`, k)}`).join(" + ")};`)}`,
)}
${each(form, (d) => `  dx[mine + ${d}u] = dq${d} * scale;`)}
  delta[pairs + own] = within;`,
  );
};

/** dk and dv. Bindings x, (bias,) dy, logs, delta, dx. */
export const attentionSubgroupKeyGrad = (form: AttentionBlock): string => {
  const queries = Array.from({ length: form.block }, (_, k) => k);
  return frame(
    form,
    keyGradArrays(form),
    `  let mine = ${inX("own", 1)};
  let behind = mine + p.quads;
${load(form, "k", "x[mine")}
${load(form, "v", "x[behind")}
${each(form, (d) => `  var dk${d} = vec4f();\n  var dv${d} = vec4f();`)}
${overBlocks(
  form,
  `    let query = ${inX("other", 0)};
    let upstream = ${inY("other")};
    let whole = logs[pairs + other];
    let within = delta[pairs + other];
${load(form, "q", "x[query")}
${load(form, "g", "dy[upstream")}
${queries
  .map(
    (
      k,
    ) => `    let e${k} = select(0.0, exp(${score(form, dot(form, "k", "q", k), k, token(k), "own")} - ${from("whole", k)}), t0 + ${k}u < p.tokens);
    let s${k} = e${k} * (${dot(form, "v", "g", k)} - ${from("within", k)});`,
  )
  .join("\n")}
${each(
  form,
  (d) => `    dk${d} += ${queries.map((k) => `s${k} * ${from(`q${d}`, k)}`).join(" + ")};
    dv${d} += ${queries.map((k) => `e${k} * ${from(`g${d}`, k)}`).join(" + ")};`,
)}`,
)}
${each(form, (d) => `  dx[mine + ${d}u] = dk${d} * scale;\n  dx[behind + ${d}u] = dv${d};`)}`,
  );
};
