import type { Capabilities, Transport } from "@holdfast/transport";
import { caseFor, missingFor } from "./absence.ts";
import { inexpressibleFaults, whyNot } from "./applies.ts";
import type { Case, Fixture } from "./case.ts";
import type { Fault } from "./hostile/fault.ts";
import type { HostileOrigin } from "./hostile/hostile.ts";
import { withLeakCheck } from "./leaks.ts";
import { namingWaits } from "./naming-waits.ts";
import { turn, until } from "./turn.ts";
import { withWaiting } from "./waiting.ts";

export interface CaseResult {
  readonly id: string;
  /** Of what was run. */
  readonly title: string;
  /**
   * `replaced`: passed, but as a check that the capabilities in `missing` are absent. `not-applicable`: not run, for the
   * reason in `why`.
   */
  readonly status: "passed" | "replaced" | "not-applicable" | "failed";
  readonly missing: readonly (keyof Capabilities)[];
  /** What the hostile origin would have to express. */
  readonly inexpressible: readonly Fault[];
  /** Of a case that does not apply: the reason. */
  readonly why?: string;
  /** Of a failed case. */
  readonly error?: unknown;
}

export interface RunOptions {
  /** A case that has not ended by then hangs, and has failed. Default 30 000. */
  readonly maxCaseMs?: number;
}

const defaultCaseMs = 30_000;

/** Of a whole run. */
export interface RunCasesOptions extends RunOptions {
  /** Told of each case as it ends. */
  readonly onResult?: (result: CaseResult) => void;
}

/** Runs the cases one after another and tells how each ended. Never rejects on account of the adapter. */
export async function runCases(
  cases: readonly Case[],
  fixture: Fixture,
  options: RunCasesOptions = {},
): Promise<CaseResult[]> {
  const capabilities = await capabilitiesOf(fixture, options);
  const results: CaseResult[] = [];
  for (const original of cases) {
    const result = await resultOf(original, fixture, capabilities, options);
    results.push(result);
    options.onResult?.(result);
  }
  return results;
}

async function resultOf(
  original: Case,
  fixture: Fixture,
  capabilities: Capabilities,
  options: RunOptions,
): Promise<CaseResult> {
  const one = caseFor(original, capabilities);
  const { id, title } = one;
  const missing = missingFor(original, capabilities);
  const result = { id, title, missing, inexpressible: inexpressibleFaults(original, fixture) };
  const why = whyNot(original, fixture);
  if (why !== undefined) return { ...result, title: original.title, status: "not-applicable", why };
  try {
    await runCase(one, fixture, options);
    return { ...result, status: missing.length > 0 ? "replaced" : "passed" };
  } catch (error) {
    return { ...result, status: "failed", error };
  }
}

/** What the adapter says that it can do. Rejects if an unused transport does not close within `maxCaseMs`. */
export async function capabilitiesOf(
  fixture: Fixture,
  { maxCaseMs = defaultCaseMs }: RunOptions = {},
): Promise<Capabilities> {
  const transport = await fixture.createTransport();
  const message = (): string => `close() of an unused transport did not end within ${maxCaseMs} ms`;
  await withinLimit(disposed(transport), maxCaseMs, message);
  return transport.capabilities;
}

/**
 * Runs one case and then looks whether it left something: a transport that is not closed, a timer, a socket, an exchange at
 * the origin, a rejection that nobody handled. Rejects with what is wrong.
 */
export async function runCase(
  one: Case,
  fixture: Fixture,
  { maxCaseMs = defaultCaseMs }: RunOptions = {},
): Promise<void> {
  const transports: Transport[] = [];
  const origins: HostileOrigin[] = [];
  const { hostile } = fixture;
  const tracked: Fixture = {
    ...fixture,
    createTransport: async (options) => {
      const transport = await fixture.createTransport(options);
      transports.push(transport);
      return namingWaits(transport);
    },
    ...(hostile !== undefined && {
      hostile: {
        ...hostile,
        listen: async (options) => {
          const origin = await hostile.listen(options);
          origins.push(origin);
          return origin;
        },
      },
    }),
  };
  const { control } = fixture.origin;
  // What an earlier case left is that one's failure.
  const { openExchanges, openConnections } = control;
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  try {
    const left = await withLeakCheck(() => {
      const { done, last } = withWaiting(() => one.run(tracked));
      return withinLimit(done, maxCaseMs, () => `the case did not end within ${maxCaseMs} ms; it waited for ${last()}`);
    });
    for (const transport of transports) checkClosed(transport);
    if (left.length > 0) throw new Error(`left behind: ${counted(left)}`);
    await until("the origin sees the end of every exchange", () => control.openExchanges <= openExchanges);
    await until("the origin sees the end of every connection", () => control.openConnections <= openConnections);
    await turn();
    if (unhandled.length > 0) throw new Error("a rejection was not handled", { cause: unhandled[0] });
  } finally {
    const destroyed = Promise.all(transports.map((transport) => transport.destroy()));
    await withinLimit(destroyed, maxCaseMs, () => `destroy() did not end within ${maxCaseMs} ms`);
    // Twice is fine. A case that hangs may wait for one of them.
    await Promise.allSettled(origins.map((origin) => origin[Symbol.asyncDispose]()));
    // What a case that failed had under way rejects now, and nobody waits for it.
    await turn();
    process.off("unhandledRejection", onUnhandled);
  }
}

/** `3 of TCPWRAP to port 80, Timeout` */
function counted(names: readonly string[]): string {
  return [...Map.groupBy(names, (name) => name)]
    .map(([name, some]) => (some.length === 1 ? name : `${some.length} of ${name}`))
    .join(", ");
}

function checkClosed(transport: Transport): void {
  const { connections, exchanges, origins } = transport.stats();
  const open = { ...connections, ...exchanges };
  for (const [name, count] of Object.entries(open))
    if (count !== 0) throw new Error(`a transport was left with ${name}: ${count}`);
  const names = Object.keys(origins);
  if (names.length > 0) throw new Error(`a closed transport remembers ${names.join(", ")}`);
}

async function disposed(transport: Transport): Promise<void> {
  await transport[Symbol.asyncDispose]();
}

async function withinLimit(work: Promise<unknown>, maxCaseMs: number, message: () => string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(message())), maxCaseMs);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
