/** What placement sees of an open connection. */
export interface Load {
  readonly inFlight: number;
  /** Exchanges that it has carried. */
  readonly served: number;
  /** It has been idle: its peer may be ending it. */
  readonly idled: boolean;
}

/** Everything that decides what happens next at one origin. */
export interface Situation<C extends Load> {
  /** Exchanges that may go on any connection. */
  readonly waiting: number;
  /** Exchanges that need a fresh connection, on which none has ended and that was never idle: one that was kept died under them. */
  readonly waitingFresh: number;
  /** Open connections with room, the most recently used last. */
  readonly available: readonly C[];
  /** Whether a connection has room for many exchanges. Then one dial at a time will do. */
  readonly multiplexed: boolean;
  readonly dialling: number;
  /** Connections that take nothing new and will be gone. */
  readonly draining: number;
  /** Connections that count against `maxConnections`: dialling and open ones, and on HTTP/1.1 draining ones. */
  readonly connections: number;
  readonly maxConnections: number;
  /** Connections of all origins, dialling, open and draining. */
  readonly totalConnections: number;
  readonly maxTotalConnections: number;
  /** No hurry: other connections are open, and a dial failed lately, or the peer allows no exchange on one of them. */
  readonly dialsHeld: boolean;
}

/**
 * - `use`: the first that waits goes on this connection.
 * - `dial`: open another connection.
 * - `retire`: close this idle connection, its place is needed for a fresh one.
 * - `make-room`: every connection that all origins may have is there; one must go.
 * - `wait`: nothing to do until something changes.
 */
export type Placement<C> =
  | { readonly action: "use"; readonly connection: C; readonly fresh: boolean }
  | { readonly action: "retire"; readonly connection: C }
  | { readonly action: "dial" | "make-room" | "wait" };

const dial = { action: "dial" } as const;
const makeRoom = { action: "make-room" } as const;
const wait = { action: "wait" } as const;

/**
 * The next step at one origin. Pure: the pool applies it and asks again until the answer is `wait`.
 *
 * A waiting exchange is not tied to the dial that it caused: it takes whatever is free first.
 */
export function place<C extends Load>(now: Situation<C>): Placement<C> {
  if (now.waitingFresh > 0) {
    // A multiplexed one takes all whom the same loss put back.
    const connection = now.available.find(isFresh);
    if (connection !== undefined) return { action: "use", connection, fresh: true };
  }
  if (now.waiting > 0 && now.available.length > 0) {
    return { action: "use", connection: pick(now.available, now.multiplexed), fresh: false };
  }
  const waiting = now.waiting + now.waitingFresh;
  const enough = now.multiplexed ? now.dialling > 0 : waiting <= now.dialling;
  if (waiting === 0 || enough) return wait;
  if (now.connections >= now.maxConnections) return retire(now) ?? wait;
  if (now.dialsHeld) return wait;
  return now.totalConnections < now.maxTotalConnections ? dial : (retire(now) ?? makeRoom);
}

function isFresh({ served, inFlight, idled }: Load): boolean {
  return served === inFlight && !idled;
}

function retire<C extends Load>(now: Situation<C>): Placement<C> | undefined {
  if (now.waitingFresh <= now.dialling + now.draining) return undefined;
  const connection = now.available.find((one) => one.inFlight === 0);
  return connection === undefined ? undefined : { action: "retire", connection };
}

/**
 * HTTP/1.1 takes the connection used last, so the others grow idle and can be closed; a multiplexed protocol spreads the
 * load.
 */
export function pick<C extends Load>(available: readonly C[], multiplexed: boolean): C {
  let best = available[available.length - 1] as C;
  if (!multiplexed) return best;
  for (const one of available) if (one.inFlight < best.inFlight) best = one;
  return best;
}
