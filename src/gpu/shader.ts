/** A compute shader, with what is needed to make a pipeline from it. */
export interface Shader {
  /** WGSL with entry point `main`. */
  readonly code: string;
  /** Storage buffers in group 0. */
  readonly bindings: number;
  /** Whether a uniform follows them. */
  readonly uniform: boolean;
  readonly label: string;
}
