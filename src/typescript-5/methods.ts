/// <reference types="@webgpu/types" preserve="true" />
/** The library's types for TypeScript before 6, whose own do not know WebGPU yet; later ones would disagree with the package's. */
export * from "../entries/methods.ts";
