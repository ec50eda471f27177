/** Bytes that are handed to the session before they must have left. */
const leastBytes = 1_024;
const mostBytes = 32_768;

/** How a body is handed over. */
export interface Pace {
  /** Of the room that the peer gave to begin with, what is left: that much leaves without its doing anything. */
  readonly roomBytes: number;
  /** Hand over so much, then wait until it has left. */
  readonly aheadBytes: number;
}

/** @param roomBytes What the windows of the stream and of its session are, to begin with. */
export function startPace(roomBytes: number): Pace {
  return paced(roomBytes, leastBytes);
}

/**
 * After bytes have left. A peer that takes them slowly is seen to take them only when all that was handed over has left: so
 * little is handed over where the room ends that was known, more while it goes fast, and less when it took an eighth of the
 * longest silence that is allowed.
 */
export function nextPace({ roomBytes, aheadBytes }: Pace, sentBytes: number, tookMs: number, bodyGapMs: number): Pace {
  const left = Math.max(0, roomBytes - sentBytes);
  // Nothing was learned of the peer's doing.
  if (roomBytes > 0) return paced(left, leastBytes);
  if (tookMs > bodyGapMs / 8) return paced(0, Math.max(leastBytes, aheadBytes / 4));
  return paced(0, Math.min(mostBytes, aheadBytes * 2));
}

function paced(roomBytes: number, leastAhead: number): Pace {
  return { roomBytes, aheadBytes: roomBytes > 0 ? Math.min(mostBytes, roomBytes) : leastAhead };
}
