declare module "wgsl-preprocessor" {
  /** Tagged template: `#if ${c}` / `#elif ${c}` / `#else` / `#endif` around lines of WGSL. */
  export function wgsl(strings: TemplateStringsArray, ...values: readonly unknown[]): string;
}
