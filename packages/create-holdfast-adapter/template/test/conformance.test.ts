import { runConformance } from "@holdfast/conformance/node-test";
import { fixtures } from "./fixture.ts";

for (const [name, fixture] of Object.entries(fixtures)) await runConformance({ name, fixture });
