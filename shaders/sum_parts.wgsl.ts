/**
 * y[i] = FACTOR sum_{p < parts} part[p, i], in the order of p, with an optional epilogue (lib/epilogue.ts).
 *
 * Bindings: part [parts, COUNT], (bias [C], plus [COUNT],) y [COUNT]; as vec4f where COUNT, or C if there is an epilogue, is a multiple of
 * 4; a uniform with parts, COUNT (in vectors), FACTOR and C (in vectors). One thread per element of y.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { epilogueOperands, finish, noEpilogue, rectifier, type Epilogue } from "./lib/epilogue.ts";
import { params } from "./lib/params.ts";
import { bindings, threadMain } from "./lib/thread.ts";
import { vec, type Lanes } from "./lib/vec.ts";

export const sumParts = (threads: number, lanes: Lanes, epilogue: Epilogue = noEpilogue): string => {
  const names = ["part", ...epilogueOperands(epilogue), "y"];
  return wgsl`
${bindings(...names.map((name): [string, string] => [name, vec(lanes)]))}${rectifier(epilogue, vec(lanes))}
${params(["parts", "count", "factor", "channels"], names.length)}
${threadMain(
  { items: "p.count", threads },
  `  var sum = part[i];
  for (var k = 1u; k < p.parts; k++) { sum += part[k * p.count + i]; }
  sum *= bitcast<f32>(p.factor);
  y[i] = ${finish(epilogue, "sum", "bias[i % p.channels]", "i")};`,
)}`;
};
