/** Decoders for compressed DICOM frames on Node. */
import { createRequire } from "node:module";
import { type CodecLibrary, codecsOf } from "../../../data/dicom/codecs.ts";

export const decodeFrame = codecsOf(() => {
  const require = createRequire(import.meta.url);
  return Promise.resolve(require("dcmjs-codecs") as CodecLibrary);
});
