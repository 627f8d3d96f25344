/**
 * Decoders for compressed DICOM frames in a browser: the WebAssembly build in dcmjs-codecs, as on Node. It is fetched from beside the
 * page's own files when the first such frame is met, never from elsewhere.
 */
import type { NativeCodecs } from "dcmjs-codecs";
import { type CodecLibrary, codecsOf } from "../../data/dicom/codecs.ts";

const wasm = new URL("dcmjs-codecs/build/dcmjs-native-codecs.wasm", import.meta.url);

export const decodeFrame = codecsOf(async () => {
  const module = (await import("dcmjs-codecs")) as unknown as CodecLibrary & { default?: CodecLibrary };
  const library = module.default ?? module;
  // Its own way to fetch the file is an eval, which pages may forbid.
  const codecs = library.NativeCodecs as typeof NativeCodecs & { _getWebAssemblyBytes: () => Promise<ArrayBuffer> };
  codecs._getWebAssemblyBytes = async () => {
    const response = await fetch(wasm);
    if (!response.ok) throw new Error(`the decoders cannot be loaded: ${response.status} ${response.statusText}`);
    return response.arrayBuffer();
  };
  return library;
});
