/** Numbers of other types than 32-bit floats: `load` reads them by itself, so that pages load them only with such files. */
export { floats } from "./floats.ts";
