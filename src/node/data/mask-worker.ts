/** Worker thread of ./read-mask.ts: one mask per task. */
import type { MaskReading } from "../../data/masks/levels.ts";
import { type MaskContent, readMask } from "./read-mask.ts";
import { serve } from "./worker-serve.ts";

serve<MaskReading, string, MaskContent>((reading) => (file) => readMask(file, reading));
