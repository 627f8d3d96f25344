/** The scanners that the phantom imitates: everything in which the images of one differ from another's. */
import { type NoduleStatistics, statistics, statisticsB } from "./nodule-model.ts";
import type { Random } from "./random.ts";

/** Bounds of a uniform draw, one for each image. */
export type Span = readonly [low: number, high: number];

/** What is written around the scan, and where. */
export interface OverlayLayout {
  /** The side of the settings; the grey ramp is on the other one. */
  settingsOn: "left" | "right";
  captionAt: "above" | "below";
  /** The side of the ruler's ticks. */
  ticksOn: "left" | "right";
  /** Lines of at most `characters`. */
  settings: (rng: Random) => string[];
  characters: number;
  captions: (rng: Random) => string[];
}

export interface Scanner {
  /** Pixels of the frame, unless others are asked for. */
  frame: { width: number; height: number };
  /** Share of images by a convex probe. */
  convex: number;
  /** Width of the scan over its height. */
  shape: Span;
  overlay: OverlayLayout;
  /** Half widths of the point spread function across and along the beam, pixels of a 192-pixel scan. */
  lateral: Span;
  axial: Span;
  /** Decibels from black to white. */
  dynamicRange: Span;
  /** Grey level at which the normal gland is shown, before the grey map. */
  gland: Span;
  /** Decibels from top to bottom, and from left to right, that the gain compensation leaves. */
  slope: Span;
  tilt: Span;
  /** Part of the local mean that spatial compounding fills speckle's holes with. */
  compounding: Span;
  /** Power of the grey map: 1.5 compresses the dark end, 1 does not. */
  greyMap: 1 | 1.5;
  /** Grey level of the receiver's noise: its least, and how many levels above. */
  noise: { least: number; levels: 8 | 16 };
  /** Factor on the nodule's contrast with the gland, in decibels. */
  contrast: number;
  nodules: NoduleStatistics;
}

const scannerA: Scanner = {
  frame: { width: 288, height: 216 },
  convex: 0.25,
  shape: [1.08, 1.32],
  overlay: {
    settingsOn: "right",
    captionAt: "below",
    ticksOn: "left",
    settings: (rng) => [
      "P100",
      "12L6",
      `${rng.integer(15, 40)}F`,
      `DR${rng.integer(50, 75)}`,
      `G${rng.integer(40, 95)}`,
      "2DG",
    ],
    characters: 4,
    captions: (rng) => [
      ...["LOBE R", "LOBE L", "THYROID", "IZQ", "DER", "R TRANS", "L TRANS"],
      `ID ${rng.integer(1000, 9999)}`,
    ],
  },
  lateral: [3.2, 4.4],
  axial: [1.6, 2],
  dynamicRange: [54, 68],
  gland: [95, 165],
  slope: [-11, 2],
  tilt: [-2.5, 2.5],
  compounding: [0.2, 0.45],
  greyMap: 1.5,
  noise: { least: 4, levels: 8 },
  contrast: 1,
  nodules: statistics,
};

/** An older one: a lower frequency, coarser speckle, a flatter picture that darkens with depth, harder nodules. */
const scannerB: Scanner = {
  frame: { width: 320, height: 240 },
  convex: 0.6,
  shape: [1.15, 1.4],
  overlay: {
    settingsOn: "left",
    captionAt: "above",
    ticksOn: "right",
    settings: (rng) => [
      `FR ${rng.integer(18, 60)}`,
      `D ${rng.integer(3, 6)}5`,
      `GN ${rng.integer(20, 80)}`,
      `MI 0${rng.integer(5, 9)}`,
      "L9 3",
    ],
    characters: 5,
    captions: (rng) => [
      ...["RIGHT LOBE", "LEFT LOBE", "THY SAG", "THY TRV", "ISTM"],
      `${rng.integer(10, 28)} ${rng.integer(10, 12)} ${rng.integer(2009, 2016)}`,
    ],
  },
  lateral: [4.6, 6.2],
  axial: [2, 2.7],
  dynamicRange: [66, 84],
  gland: [70, 130],
  slope: [-20, -6],
  tilt: [-5, 5],
  compounding: [0.3, 0.6],
  greyMap: 1,
  noise: { least: 8, levels: 16 },
  contrast: 0.85,
  nodules: statisticsB,
};

/** By the name that selects it as a data set. */
const scanners = { phantom: scannerA, "phantom-b": scannerB } as const;

export type PhantomName = keyof typeof scanners;
export const phantomNames = Object.keys(scanners) as readonly PhantomName[];

/** The phantom that is drawn where no data set is named. */
export const PHANTOM: PhantomName = "phantom";

/** Whether a data set's name selects a phantom instead of a folder. */
export const isPhantom = (data: string): data is PhantomName => Object.hasOwn(scanners, data);

export const scannerOf = (name: PhantomName): Scanner => scanners[name];
