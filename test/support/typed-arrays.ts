/** Setup of every test file: typed arrays of the same type and bytes are equal at once; Vitest compares them property by property. */
import { expect } from "vitest";

expect.addEqualityTesters([
  (a: unknown, b: unknown) => {
    if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined;
    const [one, two] = [a, b].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
    return one!.equals(two!) ? true : undefined;
  },
]);
