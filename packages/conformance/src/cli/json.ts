import type { Capabilities } from "@holdfast/transport";
import { countBy, type Outcome, type Status } from "./outcome.ts";
import { explain } from "./explain.ts";

/** What `--json` writes. */
export interface OutcomeJson {
  readonly schema: 1;
  readonly adapter: {
    readonly module: string;
    readonly name: string;
    readonly vendor: string;
    readonly protocol: string;
    readonly capabilities: Capabilities;
  };
  readonly node: string;
  readonly totals: Readonly<Record<Status, number>>;
  readonly unreached: readonly string[];
  readonly falseClaims: readonly string[];
  /** Capabilities that are claimed, and that no case could try. */
  readonly untriedClaims: readonly string[];
  /** Of each venue where a pass shows little, why. */
  readonly unshown: readonly string[];
  readonly cases: readonly {
    readonly venue: string;
    readonly id: string;
    readonly title: string;
    readonly status: Status;
    readonly missing: readonly string[];
    readonly inexpressible: readonly string[];
    /** Why it does not apply. */
    readonly why?: string;
    /** What happened instead. */
    readonly instead?: string;
  }[];
}

export function toJson({ adapter, results, unreached, falseClaims, untriedClaims, unshown }: Outcome): OutcomeJson {
  const { module, name, vendor, protocol, capabilities } = adapter;
  return {
    schema: 1,
    adapter: { module, name, vendor, protocol, capabilities },
    node: process.version,
    totals: countBy(results),
    unreached,
    falseClaims,
    untriedClaims,
    unshown,
    cases: results.map(({ venue, id, title, status, missing, inexpressible, why, error }) => ({
      venue,
      id,
      title,
      status,
      missing,
      inexpressible,
      ...(why !== undefined && { why }),
      ...(status === "failed" && { instead: explain(error) }),
    })),
  };
}
