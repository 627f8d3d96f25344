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
}

export interface ProjectImage extends Annotation {
  /** Unique in the project; what people see. */
  readonly id: string;
  /** The file in the project's folder, with the frame of a film behind a #; for phantoms the id again. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** Whether the image is already cropped to the tissue. */
  readonly cropped: boolean;
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

/** What a grid says of an image in one word, and filters by. */
export type Status = "annotated" | "no class" | "no box";

export function statusOf({ label, boxes, empty }: Annotation): Status {
  if (boxes.length === 0 && !empty) return "no box";
  return label === null ? "no class" : "annotated";
}

export interface Filter {
  /** In the id, the patient or a note; case does not matter. */
  readonly text: string;
  /** A class's index, null for images without one, undefined for all. */
  readonly label?: number | null | undefined;
  readonly status?: Status | undefined;
  /** Only images with notes or a near-duplicate. */
  readonly problems?: boolean | undefined;
}

/** The indices of the images that a filter keeps, in order. */
export function filtered({ images, twins }: Pick<Project, "images" | "twins">, filter: Filter): number[] {
  const text = filter.text.trim().toLowerCase();
  const twin = new Set(twins.flat());
  const keeps = (image: ProjectImage): boolean =>
    (text === "" || [image.id, image.patient, ...image.notes].some((part) => part.toLowerCase().includes(text))) &&
    (filter.label === undefined || image.label === filter.label) &&
    (filter.status === undefined || statusOf(image) === filter.status) &&
    (filter.problems !== true || image.notes.length > 0 || twin.has(image.id));
  return images.flatMap((image, i) => (keeps(image) ? [i] : []));
}
