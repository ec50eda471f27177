import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests run from source; the syntax is lowered to what the oldest Node can parse.
  oxc: { target: "es2024" },
  resolve: { conditions: ["holdfast:source"] },
  ssr: { resolve: { conditions: ["holdfast:source"], externalConditions: ["holdfast:source"] } },
  test: {
    // Only ends a test that hangs: tests wait for events, never for the clock, on machines that others share.
    testTimeout: 60_000,
    // Most tests wait for their peers, which leaves half of each core idle.
    maxWorkers: 2 * availableParallelism(),
    include: ["{packages,apps}/*/test/**/*.test.ts"],
    typecheck: { include: ["{packages,apps}/*/test/**/*.test-d.ts"], tsconfig: "tsconfig.json" },
  },
});
