/** Marks a template as WGSL, which editors then show as such. */
export const wgsl = (strings: TemplateStringsArray, ...values: readonly unknown[]): string =>
  String.raw({ raw: strings }, ...values);

/** Lines of a template that are there on a condition. */
export const linesIf = (condition: boolean, lines: string): string => (condition ? `\n${lines}\n` : "");
