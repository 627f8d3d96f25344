/// <reference types="@webgpu/types" preserve="true" />
/** The same of what only a browser has. */
export * from "../web/index.ts";
