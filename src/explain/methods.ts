/** The ways to explain a classifier, and which of them a model has. */
import type { ExplainSpec } from "../models/spec.ts";

export const explainMethods = ["gradcam", "cam", "rollout"] as const;
export type ExplainMethod = (typeof explainMethods)[number];

/** Display names. */
export const methodTitles: Readonly<Record<ExplainMethod, string>> = {
  gradcam: "Grad-CAM",
  cam: "CAM",
  rollout: "attention rollout",
};

/** Those that a model has, its default first. */
export function methodsOf({ points, cam, attend }: Pick<ExplainSpec, "points" | "cam" | "attend">): ExplainMethod[] {
  const has: Readonly<Record<ExplainMethod, boolean>> = {
    gradcam: points.length > 0,
    cam,
    rollout: attend !== undefined,
  };
  return explainMethods.filter((method) => has[method]);
}

/** Whether a method explains a class, at one of a model's points; the others explain what the network looks at, whatever it decides. */
export const isOfClass = (method: ExplainMethod): boolean => method !== "rollout";

/** What a method's maps show. @param name of the explained class, where the method is of one */
export function meaningOf(method: ExplainMethod, point: string | undefined, name: string | undefined): string {
  switch (method) {
    case "cam":
      return `CAM: how much each place at ${point} speaks for "${name}" (above 0) or against it`;
    case "gradcam":
      return `Grad-CAM at ${point}: where features lie that raise the score of "${name}"`;
    case "rollout":
      return "Attention rollout, of no class: each patch's share in the class token";
  }
}
