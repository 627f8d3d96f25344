/** Bytes, of a file and in parts. */
import { aKind, kindOf } from "../kernels/kernel.ts";

const howTo: Readonly<Partial<Record<string, string>>> = {
  ArrayBuffer: "new Uint8Array(buffer)",
  Blob: "new Uint8Array(await blob.arrayBuffer())",
  File: "new Uint8Array(await file.arrayBuffer())",
  Response: "new Uint8Array(await response.arrayBuffer())",
  String: "await readFile(path), or new Uint8Array(await (await fetch(url)).arrayBuffer())",
  Promise: "what it is awaited to be",
};

/**
 * @param what whose they are, for the message
 * @throws TypeError for anything else than a Uint8Array, such as a path or an ArrayBuffer
 */
export function requireBytes(what: string, bytes: unknown): asserts bytes is Uint8Array {
  const kind = kindOf(bytes);
  if (kind === "Uint8Array" && ArrayBuffer.isView(bytes)) return;
  const advice = howTo[kind] === undefined ? "" : `: pass ${howTo[kind]}`;
  throw new TypeError(`${what}: expected the bytes of a file, a Uint8Array, got ${aKind(bytes)}${advice}`);
}

/** The parts one after the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
