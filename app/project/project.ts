/** A project: images with their annotations, as the page keeps them. */
import type { Box, Side, Skipped } from "../../src/data/sample.ts";

/** What a person says of an image. */
export interface Annotation {
  /** Index into the project's classes; null if the class is unknown. */
  readonly label: number | null;
  /** In pixels of the image. */
  readonly boxes: readonly Box[];
  /** Whether the image is known to have no nodule; otherwise no box means that nobody has marked it yet. */
  readonly empty: boolean;
  /** Images of one patient never lie on two sides of a split. "" if unknown: the image then counts as a patient of its own. */
  readonly patient: string;
  /** The side of the project's own split; null if it is drawn at random. */
  readonly side: Side | null;
  /** Whether the true outlines that the set came with are still those of the boxes (outlines.ts). */
  readonly outlined: boolean;
}

export interface ProjectImage extends Annotation {
  /** Unique in the project; what people see. */
  readonly id: string;
  /** The file in the project's folder, with the frame of a film behind a #; for phantoms the id again. */
  readonly file: string;
  /** Where the file lay in the set's folder, with the frame of a film behind a #; "" for phantoms. */
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** Whether the image is already cropped to the tissue. */
  readonly cropped: boolean;
  /** The fold in which the set itself holds it out, from 0. */
  readonly fold: number | null;
  /** What was noticed when it was read. */
  readonly notes: readonly string[];
}

export interface Project {
  readonly format: "mganet-project-1";
  readonly name: string;
  /** What its images are: files of the project, or drawn by a phantom with this seed. */
  readonly source:
    { readonly kind: "files" } | { readonly kind: "phantom"; readonly scanner: string; readonly seed: number };
  readonly classes: { readonly names: readonly string[]; readonly positive: number };
  readonly images: readonly ProjectImage[];
  /** Files that gave no image, and why. */
  readonly left: readonly Skipped[];
  readonly notes: readonly string[];
  /** Pairs of images that are nearly the same picture, by id. */
  readonly twins: readonly (readonly [string, string])[];
}

/** The part of an image that a person changes. */
export const annotationOf = ({ label, boxes, empty, patient, side, outlined }: ProjectImage): Annotation => ({
  ...{ label, boxes, empty, patient, side, outlined },
});

/** An annotation with a change. A true outline is that of the boxes it came with: it goes with the first change of one. */
export function changed(before: Annotation, change: Partial<Annotation>): Annotation {
  const after = { ...before, ...change };
  if (sameBoxes(before.boxes, after.boxes) && before.empty === after.empty) return after;
  return { ...after, outlined: false };
}

const sameBoxes = (a: readonly Box[], b: readonly Box[]): boolean =>
  a.length === b.length &&
  a.every(({ x0, y0, x1, y1 }, i) => {
    const other = b[i]!;
    return x0 === other.x0 && y0 === other.y0 && x1 === other.x1 && y1 === other.y1;
  });
