/** XML files of annotations. */
import { type X2jOptions, XMLParser } from "fast-xml-parser";
import { DataError, reasonOf } from "../sample.ts";

/**
 * A function from text to the document. Values stay text. A document type is refused: annotations have none, and its entities
 * could grow without bound.
 */
export function xmlParser(options: X2jOptions): (xml: string) => unknown {
  const parser = new XMLParser({ parseTagValue: false, parseAttributeValue: false, ...options });
  return (xml) => {
    if (/<!(?:DOCTYPE|ENTITY)/i.test(xml)) throw new DataError("has a document type, which annotations do not need");
    try {
      return parser.parse(xml, true) as unknown;
    } catch (error) {
      throw new DataError(`is not well-formed XML: ${reasonOf(error)}`);
    }
  };
}

/** The name of the root element, from the beginning of a file; undefined where there is none. */
export function rootOf(beginning: string): string | undefined {
  const text = beginning.replace(/^\ufeff/, "").replace(/<\?[^]*?\?>|<!--[^]*?-->|<![^>]*>/g, "");
  return /^\s*<([A-Za-z_][\w.:-]{0,60})/.exec(text)?.[1];
}
