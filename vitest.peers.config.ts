/** `npm run test:peers`: that the other libraries of the benchmark compute what we do. It takes them minutes to compile. */
import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

export default defineConfig({ test: { ...base.test, include: ["test/peers/**/*.test.ts"], exclude: [] } });
