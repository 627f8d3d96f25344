import { readFewAtOnce } from "./few-files.mjs";

readFewAtOnce();
