/** Decoders for compressed frames: libjpeg, CharLS, OpenJPEG and OpenJPH from the WebAssembly build in dcmjs-codecs. */
import type { Context, NativeCodecs } from "dcmjs-codecs";
import { reasonOf } from "../sample.ts";
import type { Codestream } from "./codestream.ts";
import { damaged } from "./elements.ts";
import type { Decode } from "./open.ts";

export interface CodecLibrary {
  Context: typeof Context;
  NativeCodecs: typeof NativeCodecs;
  log: { setLevel(level: "silent"): void; info(message: unknown): void };
}

/** Damage that libjpeg fills with grey and only warns about. Extra bytes before a marker are harmless, and common. */
const DAMAGE = /premature end|bad huffman code|instead of rst/i;

/**
 * A function that decodes frames, and loads the decoders on the first one, once per thread.
 *
 * @param find the library, not yet initialised
 */
export function codecsOf(find: () => Promise<CodecLibrary>): Decode {
  /** The warning about the frame being decoded, if there was one. */
  let remark: string | undefined;
  let loading: Promise<CodecLibrary> | undefined;

  const load = (): Promise<CodecLibrary> =>
    (loading ??= (async () => {
      const library = await find();
      library.log.setLevel("silent");
      library.log.info = (message) => {
        if (DAMAGE.test(String(message))) remark = String(message).split("::").at(-1);
      };
      await library.NativeCodecs.initializeAsync({ logCodecsInfo: true });
      return library;
    })());

  /** A damaged frame can corrupt the decoders' memory, so the next frame gets new ones. */
  const renew = async (library: CodecLibrary): Promise<void> => {
    library.NativeCodecs.release();
    loading = undefined;
    await load();
  };

  /** @throws DataError for a frame that the decoders refuse */
  return async (frame, compression, header) => {
    let library = await load();
    // Another frame may have released the decoders in the meantime.
    while (!library.NativeCodecs.isInitialized()) library = await load();
    remark = undefined;
    try {
      const pixels = decoded(library, frame, compression, header).getDecodedBuffer();
      // The type checker cannot see that the decoders set `remark` while they run.
      const said = remark as string | undefined;
      if (!pixels || said !== undefined) throw new Error(said ?? "no pixels");
      return pixels;
    } catch (error) {
      await renew(library);
      throw damaged(`it is cut off or damaged in its pixels (${reasonOf(error)})`);
    }
  };
}

function decoded(
  library: CodecLibrary,
  frame: Uint8Array,
  compression: Parameters<Decode>[1],
  header: Codestream,
): Context {
  const codecs = library.NativeCodecs;
  const context = new library.Context(contextOf(frame, header));
  switch (compression) {
    case "jpeg":
      return codecs.decodeJpeg(context, { convertColorspaceToRgb: false });
    case "jpeg-ls":
      return codecs.decodeJpegLs(context);
    case "jpeg-2000":
      return codecs.decodeJpeg2000(context);
    case "htj2k":
      return codecs.decodeHtJpeg2000(context);
  }
}

/** Tells the decoders what the frame's own header says, which was compared with the file before. */
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
