import { type ConnectionInfo, isTransportError, type Transport, type TransportRequest } from "@holdfast/transport";
import { type CountedOrigin, countHeads, maxCounted } from "./count-heads.ts";
import { type Answer, type Equality, judgeAnswers } from "./equality.ts";
import { isConnectFailure } from "./failure.ts";
import type { HeadCount } from "./head-count.ts";
import type { Measurement } from "./measure.ts";
import type { Progress } from "./progress.ts";
import { type Run, startRun } from "./run.ts";
import type { Entry, TransportSettings } from "./transports.ts";
import { within } from "./within.ts";
import {
  loopOf,
  maxSilenceMs,
  requestOf,
  roundSizes,
  runClosedLoop,
  StalledError,
  warmUpSize,
  type Workload,
} from "./workload.ts";

/** One URL under the workload. */
export interface Target {
  readonly name: "plain" | "tls" | "url";
  readonly url: string;
  /** Where heads are counted; without it they are not. */
  readonly counted?: CountedOrigin;
}

/** A transport that the origin does not speak, or that could not be probed. */
export interface LeftOut extends Pick<Entry, "name" | "title" | "subprotocol"> {
  /** How that was told. */
  readonly error: unknown;
}

export interface TransportResult {
  readonly name: string;
  readonly title: string;
  readonly protocol: string;
  readonly measurement: Measurement;
  /** Connections by the transport's own count. More than the measured ones if some carried no answer. */
  /** By the transport's own account; undefined if it has none to give. */
  readonly openedByStats: number | undefined;
  /** What heads take, counted after the measured rounds; undefined where they could not be counted. */
  readonly heads: HeadCount | undefined;
}

/** What came of one target. */
export interface TargetResult {
  readonly target: Target;
  /** The origin's address, as the first probe met it. */
  readonly remoteAddress: string | undefined;
  readonly tlsVersion: string | undefined;
  /** A probe failed, so nothing was measured. `title` names the transport unless it is the baseline. */
  readonly probeFailure: { readonly title: string | undefined; readonly error: unknown } | undefined;
  readonly leftOut: readonly LeftOut[];
  /** In the order of the entries, the baseline first; none after a probe that failed. */
  readonly results: readonly TransportResult[];
  /** Undefined if nothing was answered. */
  readonly equality: Equality | undefined;
  /** The first measured answer over the baseline, or over the first transport that was answered at all. */
  readonly firstAnswer: Answer | undefined;
  /** Title of the transport that failed so often in a row that the rest was not sent. */
  readonly stoppedBy: string | undefined;
}

export interface CompareOptions {
  readonly entries: readonly Entry[];
  readonly workload: Workload;
  readonly settings: TransportSettings;
  readonly progress: Progress;
  /** Ends the comparison; what was measured until then is returned. */
  readonly signal: AbortSignal;
}

/**
 * Runs the workload against one target: probes each transport, warms up, then measures in rounds that alternate between
 * the transports. Owns the transports that it makes and closes them. Failures are part of the result, never thrown.
 */
export async function compareTarget(target: Target, options: CompareOptions): Promise<TargetResult> {
  const { settings, workload, signal } = options;
  const transports = new Set<Transport>();
  const create = (entry: Entry): Transport => {
    const transport = entry.create(settings);
    transports.add(transport);
    return transport;
  };
  const interrupt = (): void => {
    for (const transport of transports) destroyed(transport, signal.reason).catch(() => undefined);
  };
  signal.addEventListener("abort", interrupt);
  try {
    return await compareWith(target, options, create);
  } finally {
    signal.removeEventListener("abort", interrupt);
    // One that does not end keeps no result from being shown.
    const ends = [...transports].map((transport) =>
      within(destroyed(transport), workload.timeoutMs, () => new Error()),
    );
    await Promise.allSettled(ends);
  }
}

/** Settles also where a transport that was brought throws. */
async function destroyed(transport: Transport, reason?: unknown): Promise<void> {
  await transport.destroy(reason);
}

async function compareWith(
  target: Target,
  options: CompareOptions,
  create: (entry: Entry) => Transport,
): Promise<TargetResult> {
  const { entries, workload, signal } = options;
  const request = requestOf(workload, target.url);
  const nothing = {
    target,
    remoteAddress: undefined,
    tlsVersion: undefined,
    probeFailure: undefined,
    leftOut: [],
    results: [],
    equality: undefined,
    firstAnswer: undefined,
    stoppedBy: undefined,
  };

  const leftOut: LeftOut[] = [];
  const tryToCreate = (entry: Entry): Transport | undefined => {
    try {
      return create(entry);
    } catch (error) {
      // Whatever one that was brought fails at, the comparison goes on without it.
      if (entry.brought !== true) throw error;
      leftOut.push({ ...entry, error });
      return undefined;
    }
  };
  // The baseline is probed twice: what differs over one transport alone says nothing about the transports.
  const candidates = entries.flatMap((entry) => {
    const transport = tryToCreate(entry);
    return transport === undefined ? [] : [{ entry, transport }];
  });
  const probed: typeof candidates = [];
  const probes: Probe[] = [];
  for (const candidate of [...candidates.slice(0, 1), ...candidates]) {
    const { entry, transport } = candidate;
    try {
      probes.push(await probe(entry, transport, request, workload));
      if (probed.at(-1) !== candidate) probed.push(candidate);
    } catch (error) {
      if (signal.aborted) return nothing;
      if (!mayBeLeftOut(entry, target, error)) {
        return { ...nothing, probeFailure: { title: entry === entries[0] ? undefined : entry.title, error } };
      }
      leftOut.push({ ...entry, error });
    }
  }
  const [first, second] = probes as [Probe, Probe];

  // Measured transports are new ones, so that their connections are counted from the first on.
  for (const { entry, transport } of probed) await warmUp({ entry, transport }, target, request, options);
  const runs = probed.flatMap(({ entry }) => {
    const transport = tryToCreate(entry);
    return transport === undefined ? [] : [startRun(entry, transport, options)];
  });
  await measureRounds(runs, target, request, options);
  const heads = new Map<Entry, HeadCount | undefined>();
  for (const { entry } of runs) {
    if (target.counted !== undefined && runs.every(({ observer }) => !observer.done)) {
      const loop = loopOf(entry, workload, Math.min(maxCounted, workload.requests));
      const transport = tryToCreate(entry);
      if (transport !== undefined)
        heads.set(entry, await countHeads(transport, target.counted, { workload, loop, signal }));
    }
  }

  const ledgers = runs.map(({ ledger }) => ledger);
  let equality = judgeAnswers([first.answer, second.answer], ledgers);
  const [baseline] = probed;
  if (equality.verdict === "different" && !signal.aborted && baseline !== undefined) {
    // The resource itself may have changed since the first probes.
    const third = await probe(baseline.entry, baseline.transport, request, workload).catch(() => undefined);
    if (third !== undefined) equality = judgeAnswers([first.answer, second.answer, third.answer], ledgers);
  }
  return {
    ...nothing,
    remoteAddress: first.connection.remoteAddress,
    tlsVersion: first.connection.tls?.version,
    leftOut,
    results: runs.map(({ entry, transport, meter }) => ({
      name: entry.name,
      title: entry.title,
      protocol: entry.protocol,
      measurement: meter.measurement(),
      openedByStats: openedBy(transport),
      heads: heads.get(entry),
    })),
    equality: ledgers.every(({ answers }) => answers === 0) ? undefined : equality,
    firstAnswer: ledgers.find((ledger) => ledger.first !== undefined)?.first,
    stoppedBy: runs.find(({ observer }) => observer.doomed)?.entry.title,
  };
}

/** Whatever one that was brought fails at, the comparison is shown. */
function openedBy(transport: Transport): number | undefined {
  try {
    return transport.stats().totals.connectionsOpened;
  } catch {
    return undefined;
  }
}

/** The baseline was answered, so what fails is the protocol, or what the user brought. Our own origin speaks all of ours. */
function mayBeLeftOut({ optional, brought }: Entry, { name }: Target, error: unknown): boolean {
  if (brought === true) return true;
  // A peer that takes part but never lets an exchange begin speaks it no better.
  const notSpoken =
    isConnectFailure(error) ||
    (isTransportError(error) && (error.code === "NEGOTIATION_FAILED" || error.code === "QUEUE_TIMEOUT"));
  return optional === true && name === "url" && notSpoken;
}

interface Probe {
  readonly answer: Answer;
  readonly connection: ConnectionInfo;
}

async function probe(
  entry: Entry,
  transport: Transport,
  request: TransportRequest,
  workload: Workload,
): Promise<Probe> {
  const exchange = async (): Promise<Probe> => {
    const { status, headers, body, connection } = await transport.request(request);
    return { answer: { status, headers, body: await body.bytes() }, connection };
  };
  const limitMs = maxSilenceMs(entry, workload);
  return limitMs === undefined ? exchange() : within(exchange(), limitMs, () => new StalledError(limitMs));
}

async function warmUp(
  { entry, transport }: { readonly entry: Entry; readonly transport: Transport },
  target: Target,
  request: TransportRequest,
  options: CompareOptions,
): Promise<void> {
  const { workload, progress } = options;
  const run = startRun(entry, transport, options);
  const total = warmUpSize(workload.requests);
  progress.begin({
    stage: `${target.name}, warm-up`,
    title: entry.title,
    total,
    done: () => run.meter.answered + run.meter.failed,
  });
  await runClosedLoop(transport, request, loopOf(entry, workload, total), run.observer);
  progress.end();
}

async function measureRounds(
  runs: readonly Run[],
  target: Target,
  request: TransportRequest,
  options: CompareOptions,
): Promise<void> {
  const { workload, progress } = options;
  const sizes = roundSizes(workload.requests);
  for (const [index, count] of sizes.entries()) {
    // Each second round goes the other way, so that nobody always runs first.
    for (const { entry, transport, meter, observer } of index % 2 === 0 ? runs : runs.toReversed()) {
      if (runs.some((run) => run.observer.done)) return;
      const before = meter.answered + meter.failed;
      const stage = `${target.name}, round ${index + 1} of ${sizes.length}`;
      progress.begin({ stage, title: entry.title, total: count, done: () => meter.answered + meter.failed - before });
      await meter.round(() => runClosedLoop(transport, request, loopOf(entry, workload, count), observer));
      progress.end();
    }
  }
}
