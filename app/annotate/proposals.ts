/**
 * Boxes and classes that a model proposes. They are no annotations: a project holds, and a training sees, nothing of them before a
 * person has confirmed them.
 */
import { batch, computed, signal } from "@preact/signals";
import type { Box } from "../../src/data/sample.ts";
import type { ProjectImage } from "../project/project.ts";
import { annotate, annotateMany, project, undoMany } from "../state/project.ts";
import { computeWorker } from "../state/engine.ts";
import { messageOf, say } from "../state/messages.ts";
import type { ModelEntry } from "../worker/models.ts";
import type { Place } from "../worker/places.ts";
import { confirmed, proposalFor, type Proposal } from "./proposal.ts";

/** Of the project of this name, by image. */
const all = signal<{ project: string; of: ReadonlyMap<number, Proposal> }>({ project: "", of: new Map() });

/** Those of the open project's images. */
export const proposals = computed((): ReadonlyMap<number, Proposal> => {
  const open = project.value;
  if (!open || all.value.project !== open.name) return new Map<number, Proposal>();
  const valid = [...all.value.of].filter(([index, { id }]) => open.images[index]?.id === id);
  return valid.length === all.value.of.size ? all.value.of : new Map(valid);
});

function set(changes: Iterable<readonly [number, Proposal | undefined]>): void {
  const of = new Map(proposals.value);
  for (const [index, proposal] of changes) {
    if (proposal && proposal.boxes.length > 0) of.set(index, proposal);
    else of.delete(index);
  }
  all.value = { project: project.value!.name, of };
}

export interface Proposing {
  readonly done: number;
  readonly total: number;
  readonly stop: () => void;
}

export const proposing = signal<Proposing | undefined>(undefined);

/** Asks a model about images of the open project. */
export async function propose(model: ModelEntry, indices: readonly number[]): Promise<void> {
  const open = project.value!;
  if (proposing.value) return;
  const controller = new AbortController();
  const stop = () => controller.abort();
  const { name, source } = open;
  const places = indices.map((i): Place => {
    const { id, file, cropped } = open.images[i]!;
    return { kind: "project", project: { name, source }, image: { id, file, cropped }, film: undefined };
  });
  proposing.value = { done: 0, total: places.length, stop };
  let none = 0;
  try {
    await computeWorker().propose(model.id, places, {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === "left") {
          say(`${event.left.file}: ${event.left.reason}`);
          return;
        }
        const now = project.value;
        // Another project was opened meanwhile.
        if (now?.name !== name) return void stop();
        const found = event.proposed.map(({ at, ...proposed }) => {
          const index = indices[at]!;
          return [index, proposalFor(now.images[index]!, proposed, { classes: now.classes, model })] as const;
        });
        none += found.filter(([, { boxes }]) => boxes.length === 0).length;
        set(found);
        proposing.value = { done: event.done, total: places.length, stop };
      },
    });
    const images = none === 1 ? "1 image" : `${none} images`;
    if (none > 0) say(`In ${images} the model finds no nodule that is not marked already.`);
  } catch (error) {
    say(`Nothing is proposed: ${messageOf(error)}`);
  } finally {
    proposing.value = undefined;
  }
}

/** Makes a proposal's boxes annotations. @param only one of them, @param as as it was mended */
export function confirm(index: number, only?: Box, as?: Box): void {
  const proposal = proposals.value.get(index);
  if (!proposal) return;
  const added = only ? [as ?? only] : proposal.boxes;
  batch(() => {
    annotate(index, confirmed(project.value!.images[index]!, added, proposal));
    set([[index, { ...proposal, boxes: only ? proposal.boxes.filter((box) => box !== only) : [] }]]);
  });
}

/** @param only one of its boxes */
export function dismiss(index: number, only?: Box): void {
  const proposal = proposals.value.get(index);
  if (proposal) set([[index, { ...proposal, boxes: only ? proposal.boxes.filter((box) => box !== only) : [] }]]);
}

/** What was confirmed at once in a project: the proposals, and the images that came of them. */
const atOnce = signal<{ project: string; of: ReadonlyMap<number, { proposal: Proposal; image: ProjectImage }> }>({
  project: "",
  of: new Map(),
});

/** How many images that can be taken back for. */
export const confirmedAtOnce = computed(() =>
  atOnce.value.project === project.value?.name ? atOnce.value.of.size : 0,
);

/** Confirms the proposals of these images. */
export function confirmAll(indices: readonly number[]): void {
  const found = indices.flatMap((index) => {
    const proposal = proposals.value.get(index);
    return proposal ? [[index, proposal] as const] : [];
  });
  batch(() => {
    const { images } = project.value!;
    annotateMany(
      new Map(found.map(([index, proposal]) => [index, confirmed(images[index]!, proposal.boxes, proposal)])),
    );
    set(found.map(([index]) => [index, undefined] as const));
  });
  const { name, images } = project.value!;
  atOnce.value = {
    project: name,
    of: new Map(found.map(([index, proposal]) => [index, { proposal, image: images[index]! }])),
  };
}

/** Takes that back: they are proposals again. What was changed since stays as it is. */
export function undoConfirmAll(): void {
  const last = [...atOnce.value.of];
  const images = project.value!.images;
  const same = last.filter(([index, { image }]) => images[index] === image);
  batch(() => {
    undoMany(same.map(([index]) => index));
    set(same.map(([index, { proposal }]) => [index, proposal] as const));
  });
  atOnce.value = { project: "", of: new Map() };
  const kept = last.length - same.length;
  if (kept > 0) say(`${kept === 1 ? "1 image was" : `${kept} images were`} changed since, and not taken back.`);
}
