/**
 * Lists every layout, one line each. A layout is loaded only when a folder is examined: `--help` lists just the names, without
 * waiting for parsers.
 */
import type { Layout } from "./layout.ts";

export interface LayoutEntry {
  /** As in the layout itself. */
  format: string;
  load: () => Promise<Layout>;
}

/** Layouts that a folder matches fully or not at all. A manifest states explicitly what the folder holds. */
export const certainLayouts: readonly LayoutEntry[] = [
  { format: "manifest", load: async () => (await import("./manifest.ts")).manifest },
  { format: "ddti", load: async () => (await import("./ddti.ts")).ddti },
  { format: "tn5000", load: async () => (await import("./tn5000.ts")).tn5000 },
  { format: "tn3k", load: async () => (await import("./tn3k.ts")).tn3k },
  { format: "bus-bra", load: async () => (await import("./bus-bra.ts")).busBra },
  { format: "busi", load: async () => (await import("./busi.ts")).busi },
];

/** General layouts. A folder may fit several if it was exported in more than one. */
export const generalLayouts: readonly LayoutEntry[] = [
  { format: "tn-scui", load: async () => (await import("./mask-folders.ts")).tnScui },
  { format: "coco", load: async () => (await import("./coco.ts")).coco },
  { format: "cvat", load: async () => (await import("./cvat.ts")).cvat },
  { format: "labelme", load: async () => (await import("./labelme.ts")).labelme },
  { format: "voc", load: async () => (await import("./voc.ts")).voc },
  { format: "yolo", load: async () => (await import("./yolo.ts")).yolo },
  { format: "masks", load: async () => (await import("./mask-folders.ts")).masks },
  { format: "classes", load: async () => (await import("./class-folders.ts")).classFolders },
];

/** In trial order: the first that recognises a folder reads it. */
export const layouts: readonly LayoutEntry[] = [...certainLayouts, ...generalLayouts];

export const formats: readonly string[] = layouts.map(({ format }) => format);
