// The package names no entry point, so its only file is imported.
declare module "wgsl-preprocessor/wgsl-preprocessor.js" {
  /** Tagged template: `#if ${c}` / `#elif ${c}` / `#else` / `#endif` around lines of WGSL. */
  export function wgsl(strings: TemplateStringsArray, ...values: readonly unknown[]): string;
}
