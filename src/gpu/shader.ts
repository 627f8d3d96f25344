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
