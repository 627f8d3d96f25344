/** Tells PyTorch's files from others, without the reader (torch-file.ts). */

/** The file is not one of PyTorch's, or holds more than tensors. The message is one line: the file, and why. */
export class TorchFileError extends Error {
  override readonly name = "TorchFileError";
}

export const isZip = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04;

/** 0x1950a86a20f9469cfc6c as protocol 2 writes it. */
export const MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

/** Of before 1.6. */
export const isLegacy = (bytes: Uint8Array): boolean => MAGIC.every((byte, at) => bytes[at] === byte);

/** Whether the bytes begin as one of PyTorch's files does. */
export const isTorchFile = (bytes: Uint8Array): boolean => isZip(bytes) || isLegacy(bytes);
