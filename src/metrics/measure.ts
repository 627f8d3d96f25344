/** A number, or why there is none: what is not defined is never NaN, which JSON cannot say. */
import { z } from "zod";

export const measureSchema = z.union([
  z.strictObject({ value: z.number() }),
  z.strictObject({ value: z.null(), reason: z.string() }),
]);

export type Measure = z.infer<typeof measureSchema>;

export const defined = (value: number): Measure => ({ value });

export const undefinedFor = (reason: string): Measure => ({ value: null, reason });

/** `part / whole`, or the reason where the whole is nothing. */
export const ratio = (part: number, whole: number, reason: string): Measure =>
  whole === 0 ? undefinedFor(reason) : defined(part / whole);

/** The number itself where there is one. */
export const valueOf = ({ value }: Measure): number | undefined => value ?? undefined;
