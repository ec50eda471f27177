import { seededRandom } from "../hostile/random.ts";

/** What one exchange of a ledger does; the same for the same seed and number. */
export interface Plan {
  readonly id: number;
  readonly method: "GET" | "PUT" | "POST";
  /** Sent by the client; 0 for none. */
  readonly requestBytes: number;
  /** How the body comes to the transport: whole, from a function that can make it again, or from a stream that cannot. */
  readonly body: "none" | "bytes" | "function" | "once";
  /** Sent by the server. */
  readonly responseBytes: number;
  /** How long the server takes before it answers. */
  readonly serverMs: number;
  readonly deadlineMs: number;
  /** The client gives up so long after the start; or when it has the head. */
  readonly abort: number | "head" | undefined;
  /** Through the proxy, where the bytes of a connection meet faults, or straight to the server. */
  readonly proxied: boolean;
}

/** The method's own meaning (RFC 9110, 9.2.2): a POST may have an effect each time. */
export function isIdempotent({ method }: Plan): boolean {
  return method !== "POST";
}

/** How long an exchange may take in a run, unless it is one of those with less. */
const usualDeadlineMs = 3_000;

export function planOf(seed: number, id: number): Plan {
  const random = seededRandom(Math.imul(seed, 2_654_435_761) ^ Math.imul(id + 1, 40_503));
  const upTo = (most: number): number => Math.floor(random() * most);
  const kind = random();
  const method = kind < 0.4 ? "GET" : kind < 0.6 ? "PUT" : "POST";
  const body = method === "GET" ? "none" : (["bytes", "bytes", "function", "once"] as const)[upTo(4)];
  const requestBytes = body === "none" ? 0 : 1 + upTo(random() < 0.1 ? 100_000 : 2_000);
  const responseBytes = upTo(random() < 0.1 ? 200_000 : 2_000);
  const serverMs = random() < 0.1 ? 1 + upTo(10) : 0;
  const deadlineMs = random() < 0.03 ? 5 + upTo(50) : usualDeadlineMs;
  const gives = random();
  const abort = gives < 0.03 ? upTo(10) : gives < 0.05 ? ("head" as const) : undefined;
  return {
    id,
    method,
    requestBytes,
    body: body ?? "bytes",
    responseBytes,
    serverMs,
    deadlineMs,
    abort,
    proxied: random() < 0.7,
  };
}
