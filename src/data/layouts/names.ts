/** Names of files within a set: slash-separated, on every system. What node:path says of them, without Node. */

/** The last part of a name. */
export const baseOf = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

/** The folder of a normal name; "." for the set's own. */
export function folderOf(name: string): string {
  const end = name.replace(/(?<=.)\/$/, "").lastIndexOf("/");
  return end > 0 ? name.slice(0, end) : end === 0 ? "/" : ".";
}

/** The extension with its dot; "" if there is none. A dot at the beginning begins no extension. */
export function extensionOf(name: string): string {
  const base = baseOf(name);
  const dot = base.lastIndexOf(".");
  return dot <= 0 || base === ".." ? "" : base.slice(dot);
}

/** The last part without its extension. */
export function bareOf(name: string): string {
  const base = baseOf(name);
  return base.slice(0, base.length - extensionOf(base).length);
}

/** A name in a folder; "" is the set's own folder. */
export const nameIn = (folder: string, name: string): string =>
  folder === "" || name === "" ? folder + name : `${folder}/${name}`;

/** Without empty parts, `.`, and `..` as far as there is a folder to leave; "." if nothing is left. */
export function normalName(name: string): string {
  const isRooted = name.startsWith("/");
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!isRooted) parts.push("..");
  }
  const joined = parts.join("/");
  // A slash at the end stays, as it says that a folder is meant.
  const end = name.endsWith("/") && joined !== "" ? "/" : "";
  if (isRooted) return `/${joined}${end}`;
  return joined === "" ? (name.endsWith("/") ? "./" : ".") : joined + end;
}

/** A path of a manifest for ids and messages: slashes, one Unicode form, no `..` within. */
export const tidy = (name: string): string => normalName(name.replaceAll("\\", "/").normalize("NFC"));

/** The frame suffix, as in loop.dcm#12. */
export const FRAME = /#\d+$/;

/** C:\ or C:/ */
export const DRIVE = /^[a-z]:[\\/]/i;
