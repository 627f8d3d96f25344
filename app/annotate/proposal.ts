/** What a model proposes for an image, and what becomes of it. */
import { agreement, clip } from "../../src/data/boxes.ts";
import { predictedClass, shownClass } from "../../src/metrics/decision.ts";
import type { Box } from "../../src/data/sample.ts";
import type { Annotation, Project, ProjectImage } from "../project/project.ts";
import { sharedClasses } from "../project/shared-classes.ts";
import type { ModelEntry } from "../worker/models.ts";
import type { ProposedBoxes } from "../worker/propose.ts";
import { MIN_SIDE_PIXELS, rounded } from "./edit.ts";

export interface Proposal {
  /** Of the image, in case others have taken its place. */
  readonly id: string;
  readonly boxes: readonly Box[];
  /** Index into the project's classes; undefined if the model proposes none of them. */
  readonly label: number | undefined;
  /** "83.2 % malignant"; undefined without a classifier. */
  readonly verdict: string | undefined;
  /** The model's name. */
  readonly by: string;
}

/** Two boxes that share more than this part of what they cover together mark the same nodule. */
const SAME_SHARE = 0.5;

/** What is proposed for an image: boxes that nobody has drawn yet, within it, in whole pixels. */
export function proposalFor(
  image: ProjectImage,
  { boxes, probabilities }: Pick<ProposedBoxes, "boxes" | "probabilities">,
  { classes, model }: { classes: Project["classes"]; model: Pick<ModelEntry, "name" | "classes"> },
): Proposal {
  const shown = boxes
    .map((box) => rounded(clip(box, image.width, image.height)))
    .filter(({ x0, y0, x1, y1 }) => x1 - x0 >= MIN_SIDE_PIXELS && y1 - y0 >= MIN_SIDE_PIXELS)
    .filter((box) => image.boxes.every((drawn) => agreement(box, drawn) <= SAME_SHARE));
  const proposal = { id: image.id, boxes: shown, by: model.name };
  if (!probabilities) return { ...proposal, label: undefined, verdict: undefined };
  const [predicted, said] = [predictedClass(probabilities, model.classes), shownClass(probabilities, model.classes)];
  const label = sharedClasses(classes, model.classes).indexOf(predicted);
  return {
    ...proposal,
    label: label === -1 ? undefined : label,
    verdict: `${(100 * probabilities[said]!).toFixed(1)} % ${model.classes.names[said]!}`,
  };
}

/** The annotation that an image gets with these boxes. A class that a person has set stays. */
export function confirmed(
  { boxes, label }: Pick<Annotation, "boxes" | "label">,
  added: readonly Box[],
  proposal: Pick<Proposal, "label">,
): Partial<Annotation> {
  const set = label === null && proposal.label !== undefined ? { label: proposal.label } : {};
  return { boxes: [...boxes, ...added], empty: false, ...set };
}
