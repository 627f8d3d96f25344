/** The formats in which annotations are exported. The page shows them before it loads what writes them. */
export const exportFormats = [
  { format: "manifest", title: "Manifest, a table (CSV)" },
  { format: "manifest-json", title: "Manifest, JSON" },
  { format: "coco", title: "COCO" },
  { format: "voc", title: "Pascal VOC" },
] as const;

export type ExportFormat = (typeof exportFormats)[number]["format"];
