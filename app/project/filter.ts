/** Which of a project's images a grid shows. */
import type { Side } from "../../src/data/sample.ts";
import type { Annotation, Project, ProjectImage } from "./project.ts";

export const states = ["annotated", "no class", "no box"] as const;
/** An image may lack both class and box. */
export type State = (typeof states)[number];

export function hasState({ label, boxes, empty }: Annotation, state: State): boolean {
  const bare = boxes.length === 0 && !empty;
  if (state === "no box") return bare;
  return state === "no class" ? label === null : label !== null && !bare;
}

export const problems = ["notes or near-duplicates", "notes", "near-duplicates"] as const;
export type Problem = (typeof problems)[number];

export interface Filter {
  /** In the id, the patient or a note; case does not matter. */
  readonly text: string;
  /** A class's index, null for images without one, undefined for all. */
  readonly label?: number | null | undefined;
  readonly state?: State | undefined;
  /** null: images whose side is drawn at random. */
  readonly side?: Side | null | undefined;
  readonly problem?: Problem | undefined;
}

/** The indices of the images that a filter keeps, in order. */
export function filtered({ images, twins }: Pick<Project, "images" | "twins">, filter: Filter): number[] {
  const { label, state, side, problem } = filter;
  const text = filter.text.trim().toLowerCase();
  const twin = new Set(twins.flat());
  const has = ({ id, notes }: ProjectImage, what: Problem): boolean =>
    (what !== "near-duplicates" && notes.length > 0) || (what !== "notes" && twin.has(id));
  const keeps = (image: ProjectImage): boolean =>
    (text === "" || [image.id, image.patient, ...image.notes].some((part) => part.toLowerCase().includes(text))) &&
    (label === undefined || image.label === label) &&
    (state === undefined || hasState(image, state)) &&
    (side === undefined || image.side === side) &&
    (problem === undefined || has(image, problem));
  return images.flatMap((image, i) => (keeps(image) ? [i] : []));
}
