import { defineConfig } from "vitest/config";
import shared from "./vitest.config.ts";

/** Slow by nature: real servers, tens of thousands of exchanges. One file at a time, so that they do not slow each other. */
export default defineConfig({
  ...shared,
  test: { include: ["interop/*.test.ts"], fileParallelism: false, testTimeout: 120_000, hookTimeout: 30_000 },
});
