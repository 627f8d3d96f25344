/** Converts colours by a file's ICC profile to sRGB, which viewers and the command line do. */
import type { Size } from "../../data/annotation-frame.ts";
import { profileChunk, writePng } from "../../data/pictures/png-write.ts";
import { decodeByBrowser } from "./canvas.ts";

/** The kinds of profile that fit a picture; another is ignored, as by the command line. */
const [GREY, COLOURS] = ["GRAY", "RGB "];

/**
 * The browser converts a PNG file made of the colours and the profile; transparency is kept apart, which a canvas would mix in.
 *
 * @param levels red, green, blue, and alpha if there are four channels
 * @param grey whether the file has grey levels alone
 */
export async function toSrgb(
  size: Size,
  levels: Uint8Array,
  channels: 3 | 4,
  { profile, grey }: { profile: Uint8Array | undefined; grey: boolean },
): Promise<Uint8Array> {
  if (!profile || String.fromCharCode(...profile.subarray(16, 20)) !== (grey ? GREY : COLOURS)) return levels;
  const pixels = size.width * size.height;
  const [plain, kept] = grey ? [1, 1] : [3, 3];
  const opaque = new Uint8Array(plain * pixels);
  for (let i = 0, from = 0, to = 0; i < pixels; i++, from += channels) {
    for (let c = 0; c < kept; c++) opaque[to++] = levels[from + c]!;
  }
  const file = writePng(size, opaque, { profile: profileChunk(profile) });
  const converted = await decodeByBrowser(file, { type: "image/png", size, profiled: true });
  const out = new Uint8Array(levels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) out[i * channels + c] = converted[4 * i + c]!;
  }
  return out;
}
