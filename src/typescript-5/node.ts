/// <reference types="@webgpu/types" preserve="true" />
/** The same of what only Node has. */
export * from "../node/index.ts";
