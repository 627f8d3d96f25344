/** Defines a setting in one place: its values, its command-line option and its help text. */
import * as z from "zod";

export interface SettingText {
  /** The option, in commander's form: "--width <factor>". Its name is the setting's in kebab case. */
  readonly flags: string;
  readonly help: string;
  /** Parses the option's text, if the schema does not suffice. @throws RangeError whose message is a sentence */
  readonly parse?: (text: string) => unknown;
}

const texts = z.registry<SettingText>();

/** Marks a schema as a setting available on the command line. */
export function setting<S extends z.ZodType>(schema: S, flags: string, help: string, parse?: SettingText["parse"]): S {
  if (texts.has(schema)) throw new RangeError(`${flags}: this schema is another setting's already`);
  texts.add(schema, { flags, help, ...(parse ? { parse } : {}) });
  return schema;
}

/** The option text of a setting; undefined if it has no option. */
export const settingText = (schema: z.ZodType): SettingText | undefined => texts.get(schema);

/** The choices of an enum setting; undefined for others. */
export function choicesOf(schema: z.ZodType): readonly string[] | undefined {
  const inner = unwrapped(schema);
  return inner instanceof z.ZodEnum ? inner.options.map(String) : undefined;
}

/** The kind of value that the setting's option takes. */
export function kindOfSetting(schema: z.ZodType): "number" | "flag" | "text" {
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodNumber) return "number";
  return inner instanceof z.ZodBoolean ? "flag" : "text";
}

/** A schema without its default or optional wrapper. */
function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional) {
    return unwrapped(schema.unwrap() as z.ZodType);
  }
  return schema;
}

/** Factor on all channel counts, shared by the models that scale by width. */
export const widthSetting = setting(
  z
    .number()
    .min(1 / 16)
    .max(4),
  "--width <factor>",
  "factor on all channel counts; 1 is the published network",
);

/** Factor on the number of blocks; shared by the models that scale by depth. */
export const depthSetting = setting(
  z
    .number()
    .min(1 / 16)
    .max(4),
  "--depth <factor>",
  "factor on the number of blocks; 1 is the published network",
);

/** A factor for people: 0.333. */
export const showFactor = (factor: number): string => String(Number(factor.toFixed(3)));

/** A new schema on each call, since settings' texts are stored by schema. */
export const learningRateSchema = () => z.number().gt(0).max(1);

/** The option that keeps the module of one of these phases as it is; its name must be `freeze`. */
export const freezeSetting = <const P extends readonly string[]>(phases: P) =>
  setting(
    z.enum(["none", ...phases]).default("none"),
    "--freeze <branch>",
    "branch that stays as the earlier model has it, batch norms included",
  );
