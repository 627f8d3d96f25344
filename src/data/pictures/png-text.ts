/** Pictures as text, for pages and reports: PNG in base64. */
import type { Size } from "../annotation-frame.ts";
import { writePng } from "./png-write.ts";

/** Characters at a time: each is an argument of a call. */
const PART = 2 ** 13;

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PART) text += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(text);
}

/** @param pixels as for `writePng` */
export const pngText = (size: Size, pixels: Uint8Array): string => base64(writePng(size, pixels, { level: 6 }));
