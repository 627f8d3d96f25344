/** Undo of one image's annotation. */
import type { Annotation } from "../project/project.ts";

/** Changes of one image's annotation that can be taken back. */
export class History {
  #past: Annotation[] = [];
  #future: Annotation[] = [];
  #present: Annotation;
  /** What the last change was part of, such as one drag: further changes of it are taken back together. */
  #gesture: unknown;

  constructor(present: Annotation) {
    this.#present = present;
  }

  get present(): Annotation {
    return this.#present;
  }

  /** Whether undo leads back to a state in which the true outline was that of the boxes. */
  get wasOutlined(): boolean {
    return this.#past.some(({ outlined }) => outlined);
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /** @param gesture changes with the same one are a single step; undefined: a step of its own */
  change(next: Annotation, gesture?: unknown): void {
    if (gesture === undefined || gesture !== this.#gesture) this.#past.push(this.#present);
    this.#gesture = gesture;
    this.#present = next;
    this.#future = [];
  }

  undo(): void {
    const before = this.#past.pop();
    if (!before) return;
    this.#future.push(this.#present);
    this.#present = before;
    this.#gesture = undefined;
  }

  redo(): void {
    const after = this.#future.pop();
    if (!after) return;
    this.#past.push(this.#present);
    this.#present = after;
    this.#gesture = undefined;
  }

  /** Puts other labels for all in it, as classes were moved or deleted. */
  relabel(place: (label: number | null) => number | null): void {
    const moved = (state: Annotation): Annotation => ({ ...state, label: place(state.label) });
    this.#past = this.#past.map(moved);
    this.#future = this.#future.map(moved);
    this.#present = moved(this.#present);
  }
}
