/** The list of models, one line each. */
import { ConfigError } from "./config-error.ts";
import { inception } from "./inception/spec.ts";
import { mganet } from "./mganet/spec.ts";
import { resnet34 } from "./resnet34/spec.ts";
import { resnext } from "./resnext/spec.ts";
import type { ModelSpec } from "./spec.ts";
import { swin } from "./swin/spec.ts";
import { vgg16, vgg16bn } from "./vgg/spec.ts";
import { vit } from "./vit/spec.ts";

export const models: readonly ModelSpec[] = [mganet, resnet34, vgg16bn, vgg16, inception, resnext, vit, swin];

/** The model of configurations that name none. */
export const DEFAULT_MODEL = mganet.id;

/** @throws ConfigError if there is no model with that name */
export function modelNamed(id: string): ModelSpec {
  const found = models.find((spec) => spec.id === id);
  if (found) return found;
  throw new ConfigError(`there is no model ${id}; the models are ${models.map((spec) => spec.id).join(", ")}`, "model");
}
