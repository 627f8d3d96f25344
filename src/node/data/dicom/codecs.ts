/** Decoders for compressed DICOM frames on Node. */
import { createRequire } from "node:module";
import { DataError } from "../../../data/sample.ts";
import { missing } from "../../packages.mjs";
import { type CodecLibrary, codecsOf } from "../../../data/dicom/codecs.ts";

export const decodeFrame = codecsOf(() => {
  const absent = missing("dcmjs-codecs");
  if (absent !== undefined) throw new DataError(`its pixels are compressed, and ${absent}`);
  const require = createRequire(import.meta.url);
  return Promise.resolve(require("dcmjs-codecs") as CodecLibrary);
});
