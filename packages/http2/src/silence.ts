import type { Http2Ping } from "./options.ts";

/** What is known of a peer that may have gone. All moments are of one clock, in milliseconds. */
export interface Silence {
  /** Bytes that had been read when it was last looked. */
  readonly bytesSeen: number;
  readonly lookedAt: number;
  /** Its last byte came at this moment or later. */
  readonly since: number;
  /** When it was asked for life; undefined if it was not. */
  readonly askedAt: number | undefined;
}

/**
 * - `wait`: look again in `lookInMs`.
 * - `ask`: the same, and ask for life now.
 * - `gone`: it was asked, and sent no byte since.
 */
export interface Judgement {
  readonly verdict: "wait" | "ask" | "gone";
  readonly silence: Silence;
  readonly lookInMs: number;
}

/** Looks for each interval: more make the moment of the last byte better known, and so the asking later. */
const looks = 4;

/**
 * The peer owes a byte: an answer to a PING, or any since we gave up a stream, when `bytesAtGivingUp` had been read. Whoever may
 * be gone is looked at also while no stream is open, or exchanges that are given up one by one would never find it out.
 */
export function owesByte({ bytesSeen, askedAt }: Silence, bytesRead: number, bytesAtGivingUp: number): boolean {
  return bytesRead === bytesAtGivingUp || (askedAt !== undefined && bytesRead === bytesSeen);
}

/** Silence begins now. */
export function beginSilence(bytesRead: number, now: number, { intervalMs }: Required<Http2Ping>): Judgement {
  const silence = { bytesSeen: bytesRead, lookedAt: now, since: now, askedAt: undefined };
  return { verdict: "wait", silence, lookInMs: intervalMs / looks };
}

/**
 * Judges a silence by what has been read meanwhile. Nobody notes when a byte comes: bytes that are there at a look count as of
 * the look before. So a peer is asked at the latest `intervalMs` after its last byte, and at the earliest a quarter before that;
 * it is gone at the latest `intervalMs` and `timeoutMs` after its last byte.
 */
export function judge(before: Silence, bytesRead: number, now: number, ping: Required<Http2Ping>): Judgement {
  const { intervalMs, timeoutMs } = ping;
  const heard = bytesRead !== before.bytesSeen;
  const since = heard ? before.lookedAt : before.since;
  const askedAt = heard ? undefined : before.askedAt;
  const silence: Silence = { bytesSeen: bytesRead, lookedAt: now, since, askedAt };
  if (askedAt !== undefined) {
    const leftMs = askedAt + timeoutMs - now;
    return { verdict: leftMs > 0 ? "wait" : "gone", silence, lookInMs: leftMs };
  }
  const leftMs = since + intervalMs - now;
  if (leftMs <= 0) return { verdict: "ask", silence: { ...silence, askedAt: now }, lookInMs: timeoutMs };
  return { verdict: "wait", silence, lookInMs: Math.min(leftMs, intervalMs / looks) };
}
