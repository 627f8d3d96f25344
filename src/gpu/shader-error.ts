/** Why a shader does not compile. It is loaded when one does not. */
import type { Shader } from "./shader.ts";

/** The compiler's first error in what a user wrote, or else `why`; then all that it said, with the lines that it is about. */
export function explain(shader: Shader, messages: readonly GPUCompilationMessage[], why: string): string {
  const lines = shader.code.split("\n");
  const placed = messages.map(({ type, lineNum, linePos, message }) => {
    return { type, said: `${placeOf(shader, lineNum, linePos)}: ${message}`, line: lines[lineNum - 1] ?? "" };
  });
  const first = shader.written && placed.find(({ type }) => type === "error");
  const shown = ({ said, line }: { said: string; line: string }) => `${said}\n      ${line}`;
  const details = placed.filter((one) => one !== first).map((one) => `\n  ${shown(one)}`);
  return `${first ? shown(first) : why.split("\n")[0]}${details.join("")}`;
}

/** Where a compiler's message belongs, counted as in what the user wrote. */
function placeOf({ written }: Pick<Shader, "written">, line: number, column: number): string {
  if (!written) return `${line}`;
  const within = written.find((part) => line >= part.line && line < part.line + part.lines);
  if (within) return `${within.name}, line ${line - within.line + 1}, column ${column}`;
  // What is missing at the end shows where the next line of the frame begins.
  const before = written.findLast((part) => line >= part.line + part.lines);
  return before ? `${before.name}, after its last line` : `the frame of the op, line ${line}`;
}
