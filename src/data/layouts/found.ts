/** Describes a folder that no layout recognises, in one line for the user. */
import { topKeys } from "../readers/json.ts";
import { rootOf } from "../readers/xml.ts";
import { IMAGE_FILE } from "./collect.ts";
import type { Listing, Look, Peek } from "./layout.ts";
import { extensionOf, nameIn } from "./names.ts";

/** How many subfolders, files of a kind, and kinds are described. */
const [FOLDERS, FILES, KINDS] = [6, 3, 6] as const;

/** What to do with any unknown layout. */
export const MANIFEST_HINT =
  'the way out is a manifest.csv: the line "image,label,boxes", then one for each image such as "a/1.png,benign,10 20 110 90"';

/** "96 .jpg beside 96 .xml (root <annotation>), no ImageSets/; img/: 12 .png; and 3 more folders". */
export async function describeFound(listing: Listing, look: Look, peek: Peek): Promise<string> {
  const parts: string[] = [];
  if (listing.files.length > 0) {
    const voc = listing.files.some((file) => /\.xml$/i.test(file)) && !listing.folders.includes("ImageSets");
    parts.push(`${await describeFiles("", listing.files, peek)}${voc ? ", no ImageSets/" : ""}`);
  }
  for (const folder of listing.folders.slice(0, FOLDERS)) {
    const { files, folders } = await look(folder);
    const inside = [
      ...(files.length > 0 ? [await describeFiles(folder, files, peek)] : []),
      ...(folders.length > 0
        ? [`folders ${folders.slice(0, 4).join("/, ")}/${folders.length > 4 ? " and more" : ""}`]
        : []),
    ];
    parts.push(`${folder}/: ${inside.join(", ") || "nothing"}`);
  }
  const more = listing.folders.length - FOLDERS;
  if (more > 0) parts.push(`and ${more} more folders`);
  return parts.join("; ");
}

async function describeFiles(folder: string, files: readonly string[], peek: Peek): Promise<string> {
  const kinds = new Map<string, string[]>();
  for (const file of files) {
    const kind = extensionOf(file).toLowerCase() || "without extension";
    kinds.set(kind, [...(kinds.get(kind) ?? []), file]);
  }
  // Images first, then by frequency.
  const isImage = (kind: string) => Number(IMAGE_FILE.test(`a${kind}`));
  const sorted = [...kinds].sort(
    ([a, m], [b, n]) => isImage(b) - isImage(a) || n.length - m.length || (a < b ? -1 : 1),
  );
  const shown: string[] = [];
  for (const [kind, names] of sorted.slice(0, KINDS)) {
    const inside = await insides(kind, folder, names, peek);
    shown.push(`${names.length} ${kind}${inside === "" ? "" : ` (${inside})`}`);
  }
  if (sorted.length > KINDS) shown.push(`${sorted.length - KINDS} more kinds`);
  return shown.join(" beside ");
}

/** XML root elements, outermost JSON keys, or the first line of a table. */
async function insides(kind: string, folder: string, names: readonly string[], peek: Peek): Promise<string> {
  const texts = () => Promise.all(names.slice(0, FILES).map((name) => peek(nameIn(folder, name))));
  if (kind === ".xml") {
    const roots = new Set((await texts()).map((text) => rootOf(text)));
    return `root ${[...roots].map((root) => (root === undefined ? "none" : `<${root}>`)).join(", ")}`;
  }
  if (kind === ".json") {
    const keys = new Set((await texts()).flatMap((text) => topKeys(text) ?? []));
    return keys.size === 0
      ? "no object"
      : `keys ${[...keys]
          .slice(0, 8)
          .map((key) => key.slice(0, 30))
          .join(", ")}`;
  }
  if (kind === ".csv")
    return `first line ${JSON.stringify((await texts())[0]!.split(/\r\n|\r|\n/, 1)[0]!.slice(0, 80))}`;
  return "";
}
