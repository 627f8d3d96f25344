/** The settings of a training, as a form can show them: made from the schemas that the command line's options are made of. */
import type * as z from "zod";
import { choicesOf, kindOfSetting, settingText } from "../../src/models/setting.ts";
import { modelNamed, models } from "../../src/models/registry.ts";
import { commonSettings } from "../../src/train/config.ts";
import { labelOf } from "../train/labels.ts";

export interface ModelInfo {
  id: string;
  title: string;
  summary: string;
}

export const modelInfos = (): ModelInfo[] => models.map(({ id, title, summary }) => ({ id, title, summary }));

export interface Field {
  /** The setting; of a phase's epochs "epochs.joint". */
  name: string;
  label: string;
  help: string;
  kind: "number" | "flag" | "choice";
  choices?: readonly string[];
}

/** What a page leaves to the project: where images come from, and how they are read and split. */
const OF_DATA = new Set(
  ["data", "format", "labelFrom", "target", "classes", "positive", "masksInverted", "phantomImages"].concat([
    ...["splitSeed", "split", "external", "size", "init"],
  ]),
);

/** The fields of a model: epochs first, then common settings, then its own. */
export function fieldsOf(model: string): Field[] {
  const spec = modelNamed(model);
  const epochs = spec.phases.map(({ name, title, epochs: { help } }): Field => {
    return { name: `epochs.${name}`, label: `Epochs, ${title.toLowerCase()}`, help, kind: "number" };
  });
  const all: [string, z.ZodType][] = [...Object.entries<z.ZodType>(commonSettings), ...Object.entries(spec.options)];
  const others = all.flatMap(([name, schema]): Field[] => {
    const text = settingText(schema);
    if (!text || OF_DATA.has(name)) return [];
    const choices = choicesOf(schema);
    const kind = choices ? "choice" : kindOfSetting(schema);
    // Lists and sizes have forms of their own.
    if (kind === "text") return [];
    return [{ name, label: labelOf(name), help: text.help, kind, ...(choices ? { choices } : {}) }];
  });
  return [...epochs, ...others];
}
