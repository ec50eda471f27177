import { waitsFor } from "../waiting.ts";

/** What the application notes of the exchanges that carry an id. */
interface Note {
  arrived: number;
  left: number;
  whole: number;
  sentBytes: number;
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly gate: PromiseWithResolvers<void>;
}

/**
 * The hand of a case on the origin: it opens gates, and tells what the origin saw. Whatever a case waits for, it waits for
 * an event, never for a time.
 */
export class Control {
  readonly #notes = new Map<string, Note>();
  #waiters: (() => void)[] = [];
  #ids = 0;
  #exchanges = 0;
  #openExchanges = 0;
  #connections = 0;
  #openConnections = 0;

  /** An id that no other case uses. */
  newId(): string {
    return `case-${++this.#ids}`;
  }

  /** Opens the gate of an id, for good. */
  release(id: string): void {
    this.#note(id).gate.resolve();
  }

  /** How often the application began to answer requests of this id. */
  executions(id: string): number {
    return this.#note(id).arrived;
  }

  /** How many clients left requests of this id unfinished. */
  departures(id: string): number {
    return this.#note(id).left;
  }

  /** How many requests of this id `/inspect` and `/echo` have read to what looked like their end. */
  wholeRequests(id: string): number {
    return this.#note(id).whole;
  }

  /** How much of response bodies of this id the application was asked for. */
  sentBytes(id: string): number {
    return this.#note(id).sentBytes;
  }

  /** What the client closed the channel of this id with; undefined while it is open. */
  closedWith(id: string): { readonly code: number; readonly reason: string } | undefined {
    return this.#note(id).closed;
  }

  /** All exchanges so far. */
  get exchanges(): number {
    return this.#exchanges;
  }

  get openExchanges(): number {
    return this.#openExchanges;
  }

  /** All connections so far; 0 where there are none. */
  get connections(): number {
    return this.#connections;
  }

  get openConnections(): number {
    return this.#openConnections;
  }

  /** Resolves as soon as the origin has noted what `seen` looks for. */
  async waitFor(seen: (control: Control) => boolean): Promise<void> {
    while (!seen(this)) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Resolves when a request of this id has reached the application. */
  arrival(id: string): Promise<void> {
    waitsFor("the request to arrive at the origin");
    return this.waitFor(() => this.executions(id) > 0);
  }

  /**
   * Resolves when a client has left a request of this id unfinished. A server sees that only while it reads: not if the
   * application waits at a gate and leaves a long request body unread.
   */
  departure(id: string): Promise<void> {
    waitsFor("the origin to see the client leave");
    return this.waitFor(() => this.departures(id) > 0);
  }

  /** For the application: resolves when the gate of this id is opened, rejects when the client leaves. */
  gate(id: string, signal: AbortSignal): Promise<void> {
    const left = Promise.withResolvers<never>();
    const onAbort = (): void => left.reject(new Error("the client left"));
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    return Promise.race([this.#note(id).gate.promise, left.promise]).finally(() =>
      signal.removeEventListener("abort", onAbort),
    );
  }

  noteArrival(id: string | null): void {
    this.#exchanges++;
    this.#openExchanges++;
    if (id !== null) this.#note(id).arrived++;
    this.#changed();
  }

  noteDeparture(id: string | null): void {
    if (id !== null) this.#note(id).left++;
    this.#changed();
  }

  noteWhole(id: string | null): void {
    if (id !== null) this.#note(id).whole++;
    this.#changed();
  }

  noteEnd(): void {
    this.#openExchanges--;
    this.#changed();
  }

  noteSent(id: string | null, bytes: number): void {
    if (id !== null) this.#note(id).sentBytes += bytes;
  }

  noteClosed(id: string, code: number, reason: string): void {
    this.#note(id).closed = { code, reason };
  }

  /** @returns what to call when the connection is closed */
  noteConnection(): () => void {
    this.#connections++;
    this.#openConnections++;
    this.#changed();
    return () => {
      this.#openConnections--;
      this.#changed();
    };
  }

  #note(id: string): Note {
    let note = this.#notes.get(id);
    if (note === undefined)
      this.#notes.set(
        id,
        (note = { arrived: 0, left: 0, whole: 0, sentBytes: 0, closed: undefined, gate: Promise.withResolvers() }),
      );
    return note;
  }

  #changed(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
