import type { Connection } from "./connection.ts";
import type { OriginPool } from "./origin-pool.ts";

/** An origin with connections of its own gets another's only after such a wait: each that changes hands costs a handshake. */
const starvingMs = 500;

/**
 * The connections that all origins share (`maxTotalConnections`): how many there are, who waits for one, and which makes room.
 * Owned by the pool.
 */
export class TotalLimit {
  /** Connections of all kinds, dialling, open and draining. */
  connections = 0;
  readonly #max: number;
  readonly #origins: ReadonlyMap<string, OriginPool>;
  /** Origins that wait for a connection, in the order of asking. */
  readonly #starving: Set<OriginPool> = new Set();
  /** Connections that were told to end for one that the adapter makes. */
  readonly #yielding: Map<Connection, () => void> = new Map();
  /** Connections that were told to end, to make room. */
  readonly #leaving: Set<Connection> = new Set();

  constructor(max: number, origins: ReadonlyMap<string, OriginPool>) {
    this.#max = max;
    this.#origins = origins;
  }

  get reached(): boolean {
    return this.connections >= this.#max;
  }

  /** Takes a place, if need be that of the longest idle connection, which is waited for. False if there is none. */
  async reserve(): Promise<boolean> {
    const victim = this.reached ? this.#longestIdle() : undefined;
    if (this.reached && victim === undefined) return false;
    this.connections++;
    if (victim !== undefined) await this.#gone(victim, "a connection of another kind needs room");
    return true;
  }

  /** Resolves when there is a place, which is not kept; false if none can be made. */
  async makeRoom(origin: OriginPool): Promise<boolean> {
    const victim = this.reached ? this.#longestIdle(origin) : undefined;
    if (victim !== undefined) await this.#gone(victim, "another origin needs room");
    return !this.reached;
  }

  /** Another origin has a connection that nobody uses. */
  canMakeRoom(origin: OriginPool): boolean {
    return this.#longestIdle(origin) !== undefined;
  }

  gone(connection: Connection): void {
    this.connections--;
    this.#leaving.delete(connection);
    this.#yielding.get(connection)?.();
    this.#yielding.delete(connection);
  }

  /** An origin has nothing that waits any more. */
  forget(origin: OriginPool): void {
    this.#starving.delete(origin);
  }

  wantsRoom(origin: OriginPool): void {
    this.#starving.add(origin);
    const idle = this.#leavingNow < this.#starving.size ? this.#longestIdle(origin) : undefined;
    if (idle !== undefined) return this.#leave(idle);
    if (this.#leaving.size >= this.#starving.size || origin.connections.size > 0) return;
    const busy = this.#busiest(origin);
    if (busy !== undefined) this.#leave(busy);
  }

  /** A connection has nothing to do for the moment. Makes it leave if another origin has waited for it longer than its own. */
  claim(connection: Connection, origin: OriginPool): void {
    if (this.#starving.size === 0 || !this.reached) return;
    const now = performance.now();
    let owed = 0;
    for (const other of this.#starving)
      if (other !== origin && inNeed(other, now) && other.waitsSince < origin.waitsSince) owed++;
    if (owed > this.#leavingNow) this.#leave(connection);
  }

  /** A connection has got what there was for it: another origin may need its place. */
  eased(): void {
    if (this.#starving.size <= this.#leavingNow) return;
    for (const origin of [...this.#starving]) {
      // It asks again if it still must.
      this.#starving.delete(origin);
      origin.place();
    }
  }

  /** A connection less: who is in need comes first, and of those who has waited longest. */
  feed(): void {
    if (this.#starving.size === 0) return;
    const now = performance.now();
    const hungry = [...this.#starving].sort(
      (a, b) => Number(inNeed(b, now)) - Number(inNeed(a, now)) || a.waitsSince - b.waitsSince,
    );
    for (const origin of hungry) {
      if (this.reached) return;
      this.#starving.delete(origin);
      origin.place();
    }
  }

  /** Of those that were told to end: who is still used may take long. */
  get #leavingNow(): number {
    let count = 0;
    for (const one of this.#leaving) if (one.inFlight === 0) count++;
    return count;
  }

  #leave(victim: Connection): void {
    this.#leaving.add(victim);
    victim.drains("another origin needs room");
  }

  #gone(victim: Connection, reason: string): Promise<void> {
    const gone = new Promise<void>((resolve) => this.#yielding.set(victim, resolve));
    victim.drains(reason);
    return gone;
  }

  #longestIdle(but?: OriginPool): Connection | undefined {
    let longest: Connection | undefined;
    for (const origin of this.#origins.values()) {
      const one = origin === but ? undefined : origin.longestIdle();
      if (one !== undefined && (longest === undefined || one.idleSince < longest.idleSince)) longest = one;
    }
    return longest;
  }

  /** An open connection of the origin that has most; it takes nothing new and leaves when it is done. */
  #busiest(but: OriginPool): Connection | undefined {
    let most: OriginPool | undefined;
    for (const origin of this.#origins.values()) {
      if (origin !== but && origin.connections.size > (most?.connections.size ?? 0)) most = origin;
    }
    for (const connection of most?.connections ?? []) if (connection.state === "open") return connection;
    return undefined;
  }
}

function inNeed({ connections, waitsSince }: OriginPool, now: number): boolean {
  return connections.size === 0 || now - waitsSince > starvingMs;
}
