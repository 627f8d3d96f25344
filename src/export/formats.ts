/** The formats of an export. */
export const exportFormats = ["onnx", "pytorch"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** The ending of the model's file. */
export const endings: Readonly<Record<ExportFormat, string>> = { onnx: ".onnx", pytorch: ".safetensors" };
