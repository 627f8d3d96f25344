/**
 * Sizes that a shader reads from a uniform instead of having them baked in. Compiling is what a software adapter takes
 * longest for, so kernels whose inner loop does not profit from constants share one pipeline over all sizes.
 */

/** Declares `p` with a u32 field for each name, at a binding behind the storage buffers. */
export const params = (names: readonly string[], binding: number): string => `
struct Params { ${names.map((name) => `${name}: u32`).join(", ")} }
@group(0) @binding(${binding}) var<uniform> p: Params;`;

/** The bits of an f32, for a field that the shader reads with `bitcast<f32>`. */
export const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;
