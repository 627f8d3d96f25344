/** Reads the boxes of an AVIF file (ISO/IEC 23008-12): the size of its picture, and what browsers and sharp read differently. */
import type { PictureSize } from "../annotation-frame.ts";
import { DataError } from "../sample.ts";
import { MAX_PIXELS, tooLarge } from "./limits.ts";

export interface Avif {
  /** As viewers show it. */
  size: PictureSize;
}

export const isAvif = (bytes: Uint8Array): boolean => /^ftyp(avif|avis)$/.test(latin1(bytes, 4, 8));

const bad = (why: string) => new DataError(`is not a readable image: AVIF: ${why}`);
const unread = (what: string) => new DataError(`is an AVIF image ${what}: convert it to PNG`);

/** @throws DataError, without the file's name, for a file that is cut off, too large, or of a kind that is read differently elsewhere */
export function readAvif(bytes: Uint8Array): Avif {
  if (latin1(bytes, 8, 4) === "avis") throw unread("of several frames");
  const boxes = boxesOf(bytes);
  const meta = boxes.find(({ type }) => type === "meta");
  if (!meta) throw bad("it is damaged");
  const inside = boxesOf(meta.content.subarray(4));
  const primary = inside.find(({ type }) => type === "pitm")?.content;
  const properties = inside.find(({ type }) => type === "iprp")?.content;
  if (!primary || !properties) throw bad("it is damaged");
  const lists = boxesOf(properties);
  const all = boxesOf(lists.find(({ type }) => type === "ipco")?.content ?? new Uint8Array());
  const main = number(primary, 4, primary[0] === 0 ? 2 : 4);
  const own = associations(
    lists.filter(({ type }) => type === "ipma"),
    main,
  ).map((i) => all[i - 1]);
  const find = (type: string) => own.find((property) => property?.type === type)?.content;
  const extent = find("ispe");
  if (!extent) throw bad("it does not say how large it is");
  // Another picture in the file may be larger than the one that is shown.
  for (const { type, content } of all) {
    if (type !== "ispe") continue;
    const [width, height] = [number(content, 4, 4), number(content, 8, 4)];
    if (width * height > MAX_PIXELS) throw tooLarge(width, height);
  }
  const bits = find("pixi")?.subarray(5);
  if (bits?.some((n) => n > 8) || ((find("av1C")?.[2] ?? 0) & 0x40) !== 0) throw unread("of more than 8 bits");
  if (find("clap")) throw unread("of which a part is shown");
  // Colours that decoders round by a level, a profile takes further apart.
  const profile = ({ type, content } = NO_BOX) => type === "colr" && /^(prof|rICC)$/.test(latin1(content, 0, 4));
  if (own.some(profile)) throw unread("with a colour profile");
  const [width, height] = [number(extent, 4, 4), number(extent, 8, 4)];
  const turned = ((find("irot")?.[0] ?? 0) & 1) === 1;
  return { size: turned ? { width: height, height: width } : { width, height } };
}

interface Box {
  type: string;
  content: Uint8Array;
}

const NO_BOX: Box = { type: "", content: new Uint8Array() };

/** @throws DataError for one that reaches beyond the bytes */
function boxesOf(bytes: Uint8Array): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const first = number(bytes, at, 4);
    const head = first === 1 ? 16 : 8;
    const length = first === 0 ? bytes.length - at : first === 1 ? number(bytes, at + 8, 8) : first;
    if (length < head || at + length > bytes.length) throw bad("it is cut off");
    boxes.push({ type: latin1(bytes, at + 4, 4), content: bytes.subarray(at + head, at + length) });
    at += length;
  }
  return boxes;
}

/** The numbers, from 1, of an item's properties. */
function associations(boxes: readonly Box[], item: number): number[] {
  const found: number[] = [];
  for (const { content } of boxes) {
    const [idBytes, wide] = [content[0] === 0 ? 2 : 4, ((content[3] ?? 0) & 1) === 1];
    let at = 8;
    for (let entry = number(content, 4, 4); entry > 0 && at < content.length; entry--) {
      const id = number(content, at, idBytes);
      let count = content[at + idBytes] ?? 0;
      at += idBytes + 1;
      for (; count > 0; count--, at += wide ? 2 : 1) {
        const index = wide ? number(content, at, 2) & 0x7fff : (content[at] ?? 0) & 0x7f;
        if (id === item) found.push(index);
      }
    }
  }
  return found;
}

function number(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = 256 * value + (bytes[at + i] ?? 0);
  return value;
}

const latin1 = (bytes: Uint8Array, at: number, length: number) =>
  String.fromCharCode(...bytes.subarray(at, at + length));
