/** Parses XML annotation files. */
import { type X2jOptions, XMLParser } from "fast-xml-parser";
import { DataError, reasonOf } from "../sample.ts";

/**
 * Makes a parser from text to document. Values stay text. A document type that only names a file, which is not read, is
 * ignored; one with declarations is refused: its entities could expand without bound.
 */
export function xmlParser(options: X2jOptions): (xml: string) => unknown {
  const parser = new XMLParser({ parseTagValue: false, parseAttributeValue: false, ...options });
  return (xml) => {
    const plain = xml.replace(NAMED_TYPE, "");
    if (/<!(?:DOCTYPE|ENTITY)/i.test(plain)) {
      throw new DataError("has a document type with declarations, which annotations do not need");
    }
    try {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- until version 6, whose validator is another package
      return parser.parse(plain, true) as unknown;
    } catch (error) {
      throw new DataError(`is not well-formed XML: ${reasonOf(error)}`);
    }
  };
}

/** <!DOCTYPE annotation SYSTEM "annotation.dtd"> */
const NAMED_TYPE = /<!DOCTYPE\s+[\w.:-]+(?:\s+(?:SYSTEM|PUBLIC))?(?:\s+(?:"[^"<>]*"|'[^'<>]*'))*\s*>/i;

/** The name of the root element, from the beginning of a file; undefined if there is none. */
export function rootOf(beginning: string): string | undefined {
  const text = beginning.replace(/^\ufeff/, "").replace(/<\?[^]*?\?>|<!--[^]*?-->|<![^>]*>/g, "");
  return /^\s*<([A-Za-z_][\w.:-]{0,60})/.exec(text)?.[1];
}
