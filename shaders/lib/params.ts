/**
 * Sizes that a shader reads from a uniform instead of having them baked in. Compiling is what takes a software adapter
 * longest, so kernels whose inner loop gains nothing from constants share one pipeline for all sizes.
 */

/** Declares `p` with a u32 field for each name, at a binding after the storage buffers. */
export const params = (names: readonly string[], binding: number): string => `
struct Params { ${names.map((name) => `${name}: u32`).join(", ")} }
@group(0) @binding(${binding}) var<uniform> p: Params;`;

/** The bits of an f32, for a field that the shader reads with `bitcast<f32>`. */
export const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!;
