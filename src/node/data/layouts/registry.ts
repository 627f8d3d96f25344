/** Every layout, one line each. */
import { busBra } from "./bus-bra.ts";
import { busi } from "./busi.ts";
import { classFolders } from "./class-folders.ts";
import { coco } from "./coco.ts";
import { cvat } from "./cvat.ts";
import { ddti } from "./ddti.ts";
import { labelme } from "./labelme.ts";
import type { Layout } from "./layout.ts";
import { manifest } from "./manifest.ts";
import { masks, tnScui } from "./mask-folders.ts";
import { tn3k } from "./tn3k.ts";
import { tn5000 } from "./tn5000.ts";
import { voc } from "./voc.ts";
import { yolo } from "./yolo.ts";

/** Layouts of which a folder has all the marks or none. A manifest says outright what the folder holds. */
export const certainLayouts: readonly Layout[] = [manifest, ddti, tn5000, tn3k, busBra, busi];

/** Layouts that many sets have; a folder may fit several, for it was exported in more than one. */
export const generalLayouts: readonly Layout[] = [tnScui, coco, cvat, labelme, voc, yolo, masks, classFolders];

/** The first that recognises a folder reads it. */
export const layouts: readonly Layout[] = [...certainLayouts, ...generalLayouts];
