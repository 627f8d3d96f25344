/** The learning rate over a stage. */
import type { TrainConfig } from "./config.ts";
import type { Stage } from "./stage.ts";

/** Share of a stage's steps over which the cosine schedule rises. */
const WARM_UP = 0.05;

/** The rate of step `step`, from 0, of a stage's `total`. */
export function learningRate(config: TrainConfig, stage: Stage, step: number, total: number): number {
  const { lr, jointLr, schedule } = config;
  const peak = stage === "joint" ? jointLr : lr;
  if (schedule === "constant") return peak;
  // Fresh Adam state takes full steps in every direction at first: the warm-up keeps what the stage before has learnt.
  const warmUp = Math.max(1, Math.round(WARM_UP * total));
  if (step < warmUp) return (peak * (step + 1)) / warmUp;
  return 0.5 * peak * (1 + Math.cos((Math.PI * (step - warmUp)) / (total - warmUp)));
}
