/** The words around an explained image: what it is, what the network says of it, and what its maps show. */
import { className } from "../data/classes.ts";
import { meaningOf, type ExplainMethod } from "../explain/methods.ts";
import type { Outline } from "../explain/outline.ts";
import { shownClass } from "../metrics/decision.ts";
import type { Activations, ExplainedImage } from "./explain.ts";
import type { OpenModel } from "./open-model.ts";

export interface ExplainedTexts {
  /** The image, the expert's class, and the verdict. */
  title: string;
  /** What the maps mean. */
  note: string;
  /** Of the maps. */
  captions: { before: string; after: string };
}

export function explainedTexts(
  { image, prediction: { probabilities }, of, before }: ExplainedImage,
  by: Pick<Activations, "explanation" | "hasBase">,
  { classes }: Pick<OpenModel, "classes">,
): ExplainedTexts {
  const { method, point } = by.explanation;
  const shown = shownClass(probabilities, classes);
  const label = image.label === undefined ? [] : [`labelled ${className(image.label, classes)}`];
  const verdict = `${(100 * probabilities[shown]!).toFixed(1)} % ${classes.names[shown]!}`;
  const texts = captionsOf(method);
  const meaning = meaningOf(method, point, of === undefined ? undefined : classes.names[of]);
  return {
    title: [image.id, ...label, verdict].join(" · "),
    note: before ? `${meaning}; both on one scale` : meaning,
    captions: {
      before: by.hasBase ? texts.ofBase : "activation before enhancement, same model",
      after: before && !by.hasBase ? "activation after enhancement" : texts.ofModel,
    },
  };
}

/** Below the picture with the expert's boxes. */
export const imageCaption = (boxes: readonly unknown[]): string =>
  boxes.length > 0 ? `image and the expert's box${boxes.length > 1 ? "es" : ""}` : "image";

export const maskCaption = ({ box, unlearned }: Outline): string => {
  if (unlearned) return "no mask was learned";
  return `mask of the segmentation branch${box ? "" : ": empty"}`;
};

/** The captions of a method's maps. */
const captionsOf = (method: ExplainMethod) =>
  method === "rollout"
    ? { ofModel: "attention rollout of the model", ofBase: "attention rollout of the baseline" }
    : { ofModel: "activation of the model", ofBase: "activation of the attention-free baseline" };
