/** DICOM files for tests, written by dcmjs. Encoders are of the library whose decoders are in use; test/reference has files of others. */
import { createRequire } from "node:module";
import type { NativeCodecs as Codecs, Transcoder as Coder } from "dcmjs-codecs";
import type { GreyImage } from "../../../src/node/data/decode.ts";

interface Library {
  NativeCodecs: typeof Codecs;
  Transcoder: typeof Coder;
  log: { setLevel(level: "silent"): void };
}

const require = createRequire(import.meta.url);
const { NativeCodecs, Transcoder, log } = require("dcmjs-codecs") as Library;
const dcmjs = createRequire(require.resolve("dcmjs-codecs"))("dcmjs") as {
  log: Library["log"] & { getLogger(name: string): Library["log"] };
};

/** Before the first file. */
export async function openCodecs(): Promise<void> {
  // Files share a process: what the program has set up to hear the decoders' remarks stays.
  const first = !NativeCodecs.isInitialized();
  if (first) log.setLevel("silent");
  for (const logger of [dcmjs.log, dcmjs.log.getLogger("validation.dcmjs")]) logger.setLevel("silent");
  if (first) await NativeCodecs.initializeAsync({ logCodecsInfo: true });
}

const EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";

/** A file of one ultrasound frame; `elements` by their keywords, over those of 8-bit grey. */
export function dicom(
  { width, height, grey }: GreyImage,
  elements: Record<string, unknown> = {},
  syntax = EXPLICIT_LITTLE_ENDIAN,
): Uint8Array {
  const whole = {
    _vrMap: { PixelData: "OB" },
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.6.1",
    SOPInstanceUID: "1.2.3.4",
    Modality: "US",
    Rows: height,
    Columns: width,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    PixelData: [grey.slice().buffer],
    ...elements,
  };
  const transcoder = new Transcoder(whole, EXPLICIT_LITTLE_ENDIAN);
  transcoder.transcode(syntax);
  return new Uint8Array(transcoder.getDicomPart10());
}
