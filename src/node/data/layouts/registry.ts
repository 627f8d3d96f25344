/**
 * Every layout, one line each. A layout is loaded when a folder is looked at: `--help` lists the names only, and does not wait for
 * image decoders.
 */
import type { Layout } from "./layout.ts";

export interface LayoutEntry {
  /** As in the layout itself. */
  format: string;
  load: () => Promise<Layout>;
}

/** Layouts of which a folder has all the marks or none. A manifest says outright what the folder holds. */
export const certainLayouts: readonly LayoutEntry[] = [
  { format: "manifest", load: async () => (await import("./manifest.ts")).manifest },
  { format: "ddti", load: async () => (await import("./ddti.ts")).ddti },
  { format: "tn5000", load: async () => (await import("./tn5000.ts")).tn5000 },
  { format: "tn3k", load: async () => (await import("./tn3k.ts")).tn3k },
  { format: "bus-bra", load: async () => (await import("./bus-bra.ts")).busBra },
  { format: "busi", load: async () => (await import("./busi.ts")).busi },
];

/** Layouts that many sets have. A folder may fit several, because it was exported in more than one. */
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

/** In the order in which they are tried: the first that recognises a folder reads it. */
export const layouts: readonly LayoutEntry[] = [...certainLayouts, ...generalLayouts];

export const formats: readonly string[] = layouts.map(({ format }) => format);
