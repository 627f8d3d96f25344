/** What settings are called in the page. */

/** "--joint-lr <rate>" to "Joint lr"; words that people know better go first. */
const LABELS: Readonly<Record<string, string>> = {
  lr: "Learning rate",
  jointLr: "Learning rate, joint",
  batch: "Images a step",
  val: "Share held out",
  evalEvery: "Epochs between evaluations",
  flip: "Flip at random",
  classWeights: "Class weights",
  maskLoss: "Mask loss",
  maskTarget: "Mask learned from",
  alpha: "Weight of the mask loss",
  model: "Network",
  size: "Pixels a side",
  data: "Images",
  init: "Start from",
  freeze: "Left as it is",
};

const words = (name: string): string => {
  const text = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** @param name of a setting, such as "lr" or "epochs.joint" */
export const labelOf = (name: string): string =>
  LABELS[name] ?? (name.startsWith("epochs.") ? `Epochs, ${name.slice("epochs.".length)}` : words(name));
