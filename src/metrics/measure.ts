/** A number, or the reason why it is undefined: never NaN, which JSON cannot express. */
import * as z from "zod";

export const measureSchema = z.union([
  z.strictObject({ value: z.number() }),
  z.strictObject({ value: z.null(), reason: z.string() }),
]);

export type Measure = z.infer<typeof measureSchema>;

export const defined = (value: number): Measure => ({ value });

export const undefinedFor = (reason: string): Measure => ({ value: null, reason });

/** `part / whole`, or the reason if `whole` is 0. */
export const ratio = (part: number, whole: number, reason: string): Measure =>
  whole === 0 ? undefinedFor(reason) : defined(part / whole);

/** The number itself, if defined. */
export const valueOf = ({ value }: Measure): number | undefined => value ?? undefined;
