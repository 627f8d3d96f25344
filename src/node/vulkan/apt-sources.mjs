// Reads the system's own package sources (sources.list(5)), to use the mirror that its owner chose.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/**
 * @typedef {object} Source one stanza of apt's deb822 format
 * @property {string[]} uris
 * @property {string[]} suites
 * @property {string[]} components
 * @property {string | undefined} signedBy verbatim: a path, fingerprints, or a whole key over several lines
 * @property {string | undefined} trusted verbatim
 */

const words = (/** @type {string | undefined} */ text) => (text ?? "").split(/\s+/).filter(Boolean);

/**
 * Parses the one-line format: `deb [signed-by=...] URI SUITE COMPONENT...`.
 * @param {string} text
 * @returns {Source[]}
 */
export function parseOneLine(text) {
  /** @type {Source[]} */
  const sources = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!match) continue;
    const [, bracket, uri = "", suite = "", components] = match;
    const options = new Map(words(bracket).map((o) => /** @type {[string, string]} */ (o.split(/\+?=(.*)/s, 2))));
    sources.push({
      uris: [uri],
      suites: [suite],
      components: words(components),
      signedBy: options.get("signed-by")?.replaceAll(",", " "),
      trusted: options.get("trusted"),
    });
  }
  return sources;
}

/**
 * Parses the deb822 format (files ending in .sources).
 * @param {string} text
 * @returns {Source[]}
 */
export function parseDeb822(text) {
  const sources = [];
  const plain = text.replace(/^#.*\n?/gm, "");
  for (const stanza of plain.split(/\n[ \t]*\n/)) {
    /** @type {Map<string, string>} */
    const field = new Map();
    let last = "";
    for (const line of stanza.split("\n")) {
      const match = /^([A-Za-z0-9-]+):[ \t]*(.*)$/.exec(line);
      if (match) field.set((last = (match[1] ?? "").toLowerCase()), match[2] ?? "");
      else if (last && /^\s+\S/.test(line)) field.set(last, `${field.get(last)}\n${line}`);
    }
    if (
      !words(field.get("types")).includes("deb") ||
      /^(no|false|without|off|disable)$/i.test(field.get("enabled") ?? "")
    )
      continue;
    sources.push({
      uris: words(field.get("uris")),
      suites: words(field.get("suites")),
      components: words(field.get("components")),
      signedBy: field.get("signed-by"),
      trusted: field.get("trusted"),
    });
  }
  return sources;
}

/**
 * All enabled binary-package sources of the system.
 * @param {string} [folder] apt's configuration
 * @returns {Source[]}
 */
export function readSources(folder = "/etc/apt") {
  const parts = path.join(folder, "sources.list.d");
  const files = [path.join(folder, "sources.list")];
  if (existsSync(parts))
    files.push(
      ...readdirSync(parts)
        .sort()
        .map((name) => path.join(parts, name)),
    );
  return files.flatMap((file) => {
    const parse = file.endsWith(".sources") ? parseDeb822 : file.endsWith(".list") ? parseOneLine : undefined;
    try {
      return parse ? parse(readFileSync(file, "utf8")) : [];
    } catch {
      return []; // Missing, or not readable for us.
    }
  });
}

/** The distribution's public archives, for a system whose sources do not name them. */
const publicDefault = {
  uris: ["http://deb.debian.org/debian"],
  components: ["main"],
  signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
  trusted: undefined,
};

/**
 * Selects the system's sources for the distribution's own packages, adding backports if needed. Third-party archives are left
 * out: they are not needed, and one that is down must not block us.
 * @param {Source[]} sources
 * @param {{ codenames: string[], backports: string | undefined }} wanted
 * @param {string} id of the distribution
 * @returns {Source[]} empty if the archive is unknown
 */
export function selectSources(sources, wanted, id) {
  const ours = new Set(wanted.codenames.flatMap((c) => [c, `${c}-updates`, `${c}-security`]));
  if (wanted.backports) ours.add(wanted.backports);
  /** @type {Source[]} */
  const kept = sources
    .map((source) => ({
      ...source,
      suites: source.suites.filter((suite) => ours.has(suite)),
      uris: source.uris.filter((uri) => !uri.startsWith("cdrom:")),
      components: source.components.filter((component) => component === "main"), // Mesa is there; the rest is large.
    }))
    .filter((source) => source.suites.length > 0 && source.uris.length > 0 && source.components.length > 0);
  const has = (/** @type {string} */ suite) => kept.some((source) => source.suites.includes(suite));
  if (!wanted.codenames.some(has)) {
    const [codename] = wanted.codenames;
    if (id !== "debian" || !codename) return [];
    kept.push({ ...publicDefault, suites: [codename] });
  }
  if (wanted.backports && !has(wanted.backports)) {
    const base = kept.find((source) => source.suites.some((suite) => wanted.codenames.includes(suite)));
    if (base) kept.push({ ...base, suites: [wanted.backports] });
  }
  return kept;
}

/**
 * Writes sources in the deb822 format, restricted to the package index of one architecture (no translations, no icons).
 * @param {Source[]} sources
 * @param {string} architecture Debian's name, e.g. "amd64"
 * @returns {string}
 */
export function formatSources(sources, architecture) {
  return sources
    .map((source) =>
      [
        "Types: deb",
        `URIs: ${source.uris.join(" ")}`,
        `Suites: ${source.suites.join(" ")}`,
        `Components: ${source.components.join(" ")}`,
        `Architectures: ${architecture}`,
        "Targets: Packages",
        ...(source.signedBy === undefined ? [] : [`Signed-By: ${source.signedBy}`]),
        ...(source.trusted === undefined ? [] : [`Trusted: ${source.trusted}`]),
        "",
      ].join("\n"),
    )
    .join("\n");
}
