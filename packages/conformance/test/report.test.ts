import { expect, it } from "vitest";
import { GroupReport, totalLine } from "../src/cli/report.ts";
import type { VenueResult } from "../src/cli/outcome.ts";

const base = { venue: "here", title: "a rule", missing: [], inexpressible: [] } as const;
const leak = (id: string, port: number): VenueResult => ({
  ...base,
  id,
  status: "failed",
  error: new Error(`left behind: 2 of TCPWRAP to port ${port}`),
});

it("a failure is printed as it happens, one leak in full three times only, and a group as it ends", () => {
  const printed: (readonly string[])[] = [];
  const groups = new GroupReport((lines) => void printed.push(lines));
  for (let count = 1; count <= 5; count++) {
    groups.add(leak(`a/${count}`, 1_000 + count));
    expect(printed).toHaveLength(Math.min(count, 3));
  }
  expect(printed.at(-1)).toEqual(["    ✗ a/3: a rule", "      instead: left behind: 2 of TCPWRAP to port 1003"]);
  groups.add({ ...base, id: "b/1", status: "passed" });
  expect(printed.at(-1)).toEqual(["  ✗ a                5 failed"]);
  groups.end();
  expect(printed.at(-1)).toEqual(["  ✓ b                1 passed"]);
  expect(groups.leakLines()).toEqual(["2 more cases failed so: left behind: N of TCPWRAP to port N"]);
});

it("the last line says how many did not run, and why", () => {
  const results: VenueResult[] = [
    { ...base, id: "a/1", status: "passed" },
    { ...base, id: "a/2", status: "not-applicable", why: "there is no origin" },
    { ...base, id: "a/3", status: "replaced", missing: ["push"] },
  ];
  expect(totalLine(results)).toBe(
    "3 cases: 1 passed, 0 failed, 1 do not apply (1: there is no origin), 1 replaced by UNSUPPORTED",
  );
});
