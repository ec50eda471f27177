import type { Adapter } from "./adapter.ts";
import { explain } from "./explain.ts";
import { countBy, type Outcome, type VenueResult } from "./outcome.ts";

/** As often is one leak told in full: an adapter that leaves something in one case leaves it in all. */
const maxSameLeaks = 3;

/** What is tried, before it is. */
export function headLines({ name, vendor, protocol, capabilities }: Adapter, unreached: readonly string[]): string[] {
  const names = Object.entries(capabilities);
  const those = (wanted: boolean): string => names.flatMap(([name, has]) => (has === wanted ? [name] : [])).join(", ");
  return [
    `${name} of ${vendor}, protocol ${protocol}`,
    `claims ${those(true) || "no capability"}`,
    ...(those(false) === "" ? [] : [`lacks ${those(false)}: each has to be UNSUPPORTED ("replaced")`]),
    ...unreached.map((why) => `not tried over ${why}`),
  ];
}

/** Prints of each failure, as it happens, its rule and what happened instead; and a line for each group of cases as it ends. */
export class GroupReport {
  readonly #print: (lines: readonly string[]) => void;
  readonly #leaks = new Map<string, number>();
  #some: VenueResult[] = [];

  constructor(print: (lines: readonly string[]) => void) {
    this.#print = print;
  }

  add(result: VenueResult): void {
    const [first] = this.#some;
    if (first !== undefined && (groupOf(first) !== groupOf(result) || first.venue !== result.venue)) this.end();
    this.#some.push(result);
    if (result.status === "failed") this.#printUnlessEmpty(this.#failureLines(result));
  }

  /** Of a group, and of a venue. */
  end(): void {
    const [first] = this.#some;
    if (first === undefined) return;
    const mark = this.#some.some(({ status }) => status === "failed") ? "✗" : "✓";
    this.#print([`  ${mark} ${groupOf(first).padEnd(16)} ${inWords(this.#some)}`]);
    this.#some = [];
  }

  /** What was not told again. */
  leakLines(): string[] {
    return [...this.#leaks].flatMap(([leak, count]) =>
      count > maxSameLeaks ? [`${count - maxSameLeaks} more cases failed so: ${leak}`] : [],
    );
  }

  #printUnlessEmpty(lines: readonly string[]): void {
    if (lines.length > 0) this.#print(lines);
  }

  #failureLines({ id, title, error }: VenueResult): string[] {
    const instead = explain(error);
    if (instead.startsWith("left behind")) {
      // Each hostile origin has a port of its own.
      const leak = instead.replaceAll(/\d+/g, "N");
      const count = (this.#leaks.get(leak) ?? 0) + 1;
      this.#leaks.set(leak, count);
      if (count > maxSameLeaks) return [];
    }
    return [`    ✗ ${id}: ${title}`, `      instead: ${instead}`];
  }
}

/** What it came to. */
export function endLines({ adapter, results, falseClaims, untriedClaims, unshown }: Outcome): string[] {
  return [
    ...falseClaims.map(
      (capability) => `${adapter.name} claims capabilities.${capability}, and every case that needs it failed.`,
    ),
    ...untriedClaims.map(
      (capability) => `${adapter.name} claims capabilities.${capability}, and no case could try it.`,
    ),
    ...unshown,
    totalLine(results),
  ];
}

function groupOf({ id }: VenueResult): string {
  return id.slice(0, id.indexOf("/"));
}

/** `12 passed, 1 failed` */
export function inWords(results: readonly VenueResult[]): string {
  const { passed, replaced, failed, "not-applicable": inapplicable } = countBy(results);
  const counts = [
    [passed, "passed"],
    [replaced, "replaced"],
    [inapplicable, "not applicable"],
    [failed, "failed"],
  ] as const;
  return counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ");
}

/** `12 cases: 9 passed, 1 failed, 1 does not apply (1: h2 cannot express "x"), 1 replaced by UNSUPPORTED` */
export function totalLine(results: readonly VenueResult[]): string {
  const { passed, replaced, failed, "not-applicable": inapplicable } = countBy(results);
  const whys = [...Map.groupBy(results, ({ why }) => why)].flatMap(([why, some]) =>
    why === undefined ? [] : [`${some.length}: ${why}`],
  );
  const counts = [
    `${passed} passed`,
    `${failed} failed`,
    `${inapplicable} do not apply${inapplicable > 0 ? ` (${whys.join("; ")})` : ""}`,
    `${replaced} replaced by UNSUPPORTED`,
  ];
  return `${results.length} cases: ${counts.join(", ")}`;
}
