/** Makes any shader store bindings in half precision. Apart from half.ts, as few plans need it. */
import { stored } from "./half.ts";
import { vec } from "./vec.ts";

/** Element types in memory, and their half-precision counterparts. */
const halves = new Map(([1, 2, 4] as const).map((lanes) => [vec(lanes), stored(lanes, true)]));

/**
 * Makes a shader store some of its bindings in half precision: values are widened where read and narrowed where assigned, so that
 * kernels need no code for it. Bindings must be declared by `bindings` (thread.ts) and used by name and index only.
 */
export function storingHalf(code: string, indices: readonly number[]): string {
  let result = code.includes("enable f16;") ? code : `enable f16;\n${code}`;
  for (const index of indices) {
    const declaration = new RegExp(`(@binding\\(${index}\\) var<storage, read_write> (\\w+): array<)(\\w+)>`).exec(
      result,
    );
    const [whole, before, name, type] = declaration ?? [];
    const half = halves.get(type ?? "");
    if (!whole || !half) throw new TypeError(`storingHalf: binding ${index} is not an array of f32: ${whole ?? code}`);
    result = convertUses(result.replace(whole, `${before}${half}>`), name!, type!, half);
  }
  return result;
}

/** Wraps every read and write of `name[...]` in conversions. */
function convertUses(code: string, name: string, type: string, half: string): string {
  const use = new RegExp(`(?<![\\w.])${name}\\[`, "g");
  let result = "";
  let done = 0;
  for (let match = use.exec(code); match; match = use.exec(code)) {
    const end = closing(code, use.lastIndex - 1);
    const assigned = /^\s*=(?!=)\s*/.exec(code.slice(end));
    // The index, and what is assigned, may themselves read the binding.
    const index = convertUses(code.slice(use.lastIndex, end - 1), name, type, half);
    result += code.slice(done, match.index);
    if (assigned) {
      const from = end + assigned[0].length;
      const to = code.indexOf(";", from);
      result += `${name}[${index}] = ${half}(${convertUses(code.slice(from, to), name, type, half)})`;
      done = to;
    } else {
      result += `${type}(${name}[${index}])`;
      done = end;
    }
    use.lastIndex = done;
  }
  return result + code.slice(done);
}

/** The position after the bracket that closes the one at `open`. */
function closing(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (code[at] === "[") depth++;
    if (code[at] === "]" && --depth === 0) return at + 1;
  }
  throw new SyntaxError(`storingHalf: a bracket is not closed in ${code.slice(open, open + 40)}`);
}
