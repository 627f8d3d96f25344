/** A compute shader, with what is needed to make a pipeline from it. */
export interface Shader {
  /** WGSL with entry point `main`. */
  readonly code: string;
  /** Storage buffers in group 0. */
  readonly bindings: number;
  /** Whether a uniform follows them. */
  readonly uniform: boolean;
  readonly label: string;
  /** The parts that a user wrote, for messages; where undefined, all of it is the library's. */
  readonly written?: readonly Written[];
}

/** Lines of a shader that a user wrote. */
export interface Written {
  /** What the user gave them as, such as "wgsl". */
  readonly name: string;
  /** The line of the shader at which they begin, from 1. */
  readonly line: number;
  readonly lines: number;
}

/** Where a compiler's message belongs, counted as in what the user wrote. */
export function placeOf({ written }: Pick<Shader, "written">, line: number, column: number): string {
  if (!written) return `${line}`;
  const within = written.find((part) => line >= part.line && line < part.line + part.lines);
  if (within) return `${within.name}, line ${line - within.line + 1}, column ${column}`;
  // What is missing at the end shows where the next line of the frame begins.
  const before = written.findLast((part) => line >= part.line + part.lines);
  return before ? `${before.name}, after its last line` : `the frame of the op, line ${line}`;
}
