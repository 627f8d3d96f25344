/** Decoders of compressed frames: libjpeg, CharLS, OpenJPEG and OpenJPH in the WebAssembly of dcmjs-codecs. */
import { createRequire } from "node:module";
import type { Context, NativeCodecs } from "dcmjs-codecs";
import type { Codestream } from "../../../data/dicom/codestream.ts";
import { damaged } from "../../../data/dicom/elements.ts";
import type { Decode } from "../../../data/dicom/open.ts";
import { reasonOf } from "../../../data/sample.ts";

interface Library {
  Context: typeof Context;
  NativeCodecs: typeof NativeCodecs;
  log: { setLevel(level: "silent"): void };
}

let loading: Promise<Library> | undefined;

/** Loads the decoders at the first compressed frame, once a thread. */
function load(): Promise<Library> {
  return (loading ??= (async () => {
    const require = createRequire(import.meta.url);
    const library = require("dcmjs-codecs") as Library;
    // What is damaged is told by what they throw.
    library.log.setLevel("silent");
    await library.NativeCodecs.initializeAsync();
    return library;
  })());
}

/** A damaged frame can leave the decoders' memory in disorder: the next frame gets new ones. */
function renew(library: Library): void {
  library.NativeCodecs.release();
  loading = undefined;
}

/** @throws DataError for a frame that the decoders refuse */
export const decodeFrame: Decode = async (frame, compression, header) => {
  let library = await load();
  // Another frame may have made new decoders necessary in the meantime.
  while (!library.NativeCodecs.isInitialized()) library = await load();
  const codecs = library.NativeCodecs;
  try {
    const context = new library.Context(contextOf(frame, header));
    switch (compression) {
      case "jpeg":
        return pixelsOf(codecs.decodeJpeg(context, { convertColorspaceToRgb: false }));
      case "jpeg-ls":
        return pixelsOf(codecs.decodeJpegLs(context));
      case "jpeg-2000":
        return pixelsOf(codecs.decodeJpeg2000(context));
      case "htj2k":
        return pixelsOf(codecs.decodeHtJpeg2000(context));
    }
  } catch (error) {
    renew(library);
    throw damaged(`it is cut off or damaged in its pixels (${reasonOf(error)})`);
  }
};

/** What the decoders are told is what the frame's own header says: file and frame were compared before. */
function contextOf(encodedBuffer: Uint8Array, header: Codestream): ConstructorParameters<typeof Context>[0] {
  return {
    width: header.width,
    height: header.height,
    bitsAllocated: header.precision > 8 ? 16 : 8,
    bitsStored: header.precision,
    samplesPerPixel: header.components,
    pixelRepresentation: header.signed ? 1 : 0,
    planarConfiguration: 0,
    photometricInterpretation: header.components === 1 ? "MONOCHROME2" : "RGB",
    encodedBuffer,
  };
}

function pixelsOf(context: Context): Uint8Array {
  const pixels = context.getDecodedBuffer();
  if (!pixels) throw new Error("no pixels");
  return pixels;
}
