import { setTimeout as delay } from "node:timers/promises";
import type { Transport } from "@holdfast/transport";
import { type FaultProxy, faultProxy } from "../hostile/fault-proxy.ts";
import { authority, certificate } from "../hostile/certificates.ts";
import { turn } from "../turn.ts";
import { ask } from "./ask.ts";
import { Claims, claimsUnsent } from "./claims.ts";
import { collectedHeapBytes } from "./collected-heap-bytes.ts";
import { type Disagreement, disagreementOf } from "./disagreement.ts";
import type { LedgerModule, LedgerProtocol } from "./ledger-origin.ts";
import { planOf } from "./plan.ts";
import { type ServerSide, serverSide } from "./server-side.ts";
import { Strikes } from "./strikes.ts";

/** What a run asks of the transport, by the names of the contract. */
export interface LedgerTransportOptions {
  /** Whom to trust, PEM. There where the run is over TLS. */
  readonly tls?: { readonly ca: string };
}

export interface LedgerOptions {
  /** Must hand over what it is given. */
  readonly createTransport: (options: LedgerTransportOptions) => Transport | Promise<Transport>;
  /** The server side: a server in this process, or where a process of its own finds it, which is killed over and over. */
  readonly origin: LedgerProtocol | LedgerModule;
  /** The server speaks TLS, by a certificate that is made for the run. Default false. */
  readonly tls?: boolean;
  /** Default 2 000. */
  readonly exchanges?: number;
  /** Spread over the run, default 200. */
  readonly faults?: number;
  /** Of all that is chosen. Default 1. */
  readonly seed?: number;
  /** Exchanges under way at a time, default 32. */
  readonly concurrency?: number;
  /** There is a network between, so that connections can meet faults. Default true. */
  readonly sockets?: boolean;
  /** What a deadline may be overrun by before that counts, default 1 000: the machine may be slow. */
  readonly lateMs?: number;
  /** What the heap may grow by from a fifth of the run to its end, default 4 MiB. */
  readonly heapBytes?: number;
}

/** How a run went. */
export interface LedgerResult {
  readonly seed: number;
  readonly exchanges: number;
  readonly faults: Readonly<Record<string, number>>;
  /** By code and delivery, successes as `ok`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** What the client was told, and what the server did, disagree. None, if the adapter keeps its promises. */
  readonly disagreements: readonly Disagreement[];
  /** The latest that an exchange settled after its deadline; 0 if none did. */
  readonly worstOverrunMs: number;
  readonly heapGrowthBytes: number;
  readonly elapsedMs: number;
}

/**
 * Runs exchanges under continual faults, then compares what the client was told with what the server executed. With the same
 * seed the exchanges and the faults are the same ones; which meet, the machine decides.
 */
export async function runLedger(options: LedgerOptions): Promise<LedgerResult> {
  const { exchanges = 2_000, faults = 200, seed = 1, sockets = true, tls = false } = options;
  const handlesBefore = handles();
  const ca = tls ? authority() : undefined;
  const own = ca === undefined ? {} : { tls: certificate({ ip: ["127.0.0.1"] }, ca) };
  const server = await serverSide(options.origin, exchanges, own);
  const proxy = sockets ? await faultProxy(server.url, { seed }) : undefined;
  const transport = await options.createTransport(ca === undefined ? {} : { tls: { ca: ca.cert } });
  const run = new Run({ ...options, exchanges, faults, seed }, { transport, server, proxy });
  const startedAt = performance.now();
  await run.exchanges();
  await transport.close();
  await proxy?.[Symbol.asyncDispose]();
  await server.close();
  const left = await leftBehind(transport, handlesBefore);
  const heapGrowthBytes = (await collectedHeapBytes()) - (await run.heapBytes);
  return {
    seed,
    exchanges,
    faults: Object.fromEntries([...run.strikes.counts].toSorted((a, b) => b[1] - a[1])),
    outcomes: run.claims.counts(),
    disagreements: [...run.disagreements(), ...left, ...grown(heapGrowthBytes, options.heapBytes ?? 4_194_304)],
    worstOverrunMs: Math.max(0, run.worstOverrunMs),
    heapGrowthBytes,
    elapsedMs: performance.now() - startedAt,
  };
}

interface Sides {
  readonly transport: Transport;
  readonly server: ServerSide;
  readonly proxy: FaultProxy | undefined;
}

type Wanted = LedgerOptions & Required<Pick<LedgerOptions, "exchanges" | "faults" | "seed">>;

/** Faults that are due, behind one that is being made. */
const maxWaitingFaults = 16;

/** The client's side of a run, and what befalls it. */
class Run {
  readonly strikes: Strikes;
  readonly claims: Claims;
  worstOverrunMs = 0;
  /** When a fifth of the run was done. */
  heapBytes: Promise<number> = Promise.resolve(0);
  readonly #wanted: Wanted;
  readonly #sides: Sides;
  #next = 0;
  #done = 0;
  #struck = 0;
  #striking: Promise<void> = Promise.resolve();

  constructor(wanted: Wanted, sides: Sides) {
    this.#wanted = wanted;
    this.#sides = sides;
    this.strikes = new Strikes(sides, wanted.seed);
    this.claims = new Claims(wanted.exchanges);
  }

  async exchanges(): Promise<void> {
    await Promise.all(Array.from({ length: this.#wanted.concurrency ?? 32 }, () => this.#work()));
    await this.#striking;
  }

  async #work(): Promise<void> {
    const { exchanges, seed, lateMs = 1_000 } = this.#wanted;
    const { transport, server, proxy } = this.#sides;
    for (;;) {
      // Where a fault takes long, exchanges do not run ahead of the rest.
      if (this.#struck - this.strikes.made > maxWaitingFaults) await this.#striking;
      if (this.#next === exchanges) return;
      const plan = planOf(seed, this.#next++);
      const claim = await ask(transport, plan.proxied && proxy !== undefined ? proxy.url : server.url, plan, lateMs);
      const unsent = claimsUnsent(claim);
      this.claims.note(plan.id, claim, unsent && server.executions(plan.id) > 0);
      this.worstOverrunMs = Math.max(this.worstOverrunMs, claim.elapsedMs - plan.deadlineMs);
      this.#advance();
      // A server that does not listen is not asked again at once.
      if (unsent || claim.outcome.startsWith("CONNECTION_LOST")) await delay(5);
    }
  }

  #advance(): void {
    const { exchanges, faults } = this.#wanted;
    this.#done++;
    if (this.#done === Math.floor(exchanges / 5)) this.heapBytes = collectedHeapBytes();
    while (this.#struck < Math.floor((this.#done / exchanges) * faults)) {
      this.#struck++;
      // One after another: a restart must be over before the next.
      this.#striking = this.#striking.then(() => this.strikes.next());
    }
  }

  /** To be asked when nothing is under way. */
  disagreements(): Disagreement[] {
    const { exchanges, seed, lateMs = 1_000 } = this.#wanted;
    const { server } = this.#sides;
    return Array.from({ length: exchanges }, (_, id) =>
      disagreementOf(planOf(seed, id), this.claims.of(id), server.executions(id), lateMs),
    ).filter((one) => one !== undefined);
  }
}

/** What keeps the process alive, by its kind. */
function handles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo())
    if (watched.test(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

const watched = /^(?:TCP|Pipe|TLS|Timeout|GetAddrInfo)/;

/** Sockets and timers that were not there before the run; a socket that was destroyed is gone some turns later. */
async function leftBehind(transport: Transport, before: ReadonlyMap<string, number>): Promise<Disagreement[]> {
  const { connections, exchanges } = transport.stats();
  const left = Object.entries({ ...connections, ...exchanges }).filter(([, count]) => count > 0);
  const more = (): [string, number][] => [...handles()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
  for (let turns = 0; more().length > 0 && turns < 10_000; turns++) await turn();
  return [...left, ...more()].map(([kind, count]) => ({
    rule: "left",
    id: undefined,
    what: `after close() there are ${kind}: ${count}`,
  }));
}

function grown(bytes: number, most: number): Disagreement[] {
  const what = `the heap has grown by ${bytes} bytes from a fifth of the run to its end`;
  return bytes <= most ? [] : [{ rule: "heap", id: undefined, what }];
}
