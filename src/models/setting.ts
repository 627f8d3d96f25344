/** A setting in one place: what values it takes, how the command line spells it, and what it means. */
import { z } from "zod";

export interface SettingText {
  /** The option, in commander's form: "--width <factor>". Its name is that of the setting in kebab case. */
  readonly flags: string;
  readonly help: string;
  /** From the option's text to a value, where the schema does not say. @throws RangeError whose message is a sentence */
  readonly parse?: (text: string) => unknown;
}

const texts = z.registry<SettingText>();

/** A schema of a setting that the command line offers. */
export function setting<S extends z.ZodType>(schema: S, flags: string, help: string, parse?: SettingText["parse"]): S {
  if (texts.has(schema)) throw new RangeError(`${flags}: this schema is another setting's already`);
  texts.add(schema, { flags, help, ...(parse ? { parse } : {}) });
  return schema;
}

/** How the command line offers a setting; undefined where it does not. */
export const settingText = (schema: z.ZodType): SettingText | undefined => texts.get(schema);

/** The values of a setting that takes one of several words; undefined for others. */
export function choicesOf(schema: z.ZodType): readonly string[] | undefined {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodEnum ? inner.options.map(String) : undefined;
}

/** What kind of text an option of the setting takes. */
export function kindOfSetting(schema: z.ZodType): "number" | "flag" | "text" {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodNumber) return "number";
  return inner instanceof z.ZodBoolean ? "flag" : "text";
}

/** A schema without the default or the optionality around it. */
function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}

/** Factor on all channel counts; shared by the models that scale by width. */
export const widthSetting = setting(
  z
    .number()
    .min(1 / 16)
    .max(4),
  "--width <factor>",
  "factor on all channel counts; 1 is the published network",
);

/** A schema of its own each time: the texts of settings are kept by schema. */
export const learningRateSchema = () => z.number().gt(0).max(1);
