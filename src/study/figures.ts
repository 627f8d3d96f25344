/** The figures that a study's tables give, and the images that they are of. */

/** The sides a run is evaluated on, in the order of the tables. */
export const sideNames = ["val", "test", "external"] as const;
export type SideName = (typeof sideNames)[number];

export const figureNames = ["accuracy", "auc", "f1", "dice", "outlineDice"] as const;
export type FigureName = (typeof figureNames)[number];
export const figureTitles: Readonly<Record<FigureName, string>> = {
  accuracy: "Accuracy",
  auc: "AUC",
  f1: "F1",
  dice: "Dice",
  outlineDice: "Dice (outline)",
};
