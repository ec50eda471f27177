import { runConformance } from "@holdfast/conformance/vitest";
import { jsonlFixture } from "../template/test/fixture.ts";

runConformance({ name: "the template", fixture: () => jsonlFixture({ secure: false }) });
runConformance({ name: "the template over TLS", fixture: () => jsonlFixture({ secure: true }) });
