import { runConformance } from "@holdfast/conformance/node-test";
import { jsonlFixture } from "./fixture.ts";

await runConformance({ name: "jsonl", fixture: () => jsonlFixture({ secure: false }) });
await runConformance({ name: "jsonl over TLS", fixture: () => jsonlFixture({ secure: true }) });
