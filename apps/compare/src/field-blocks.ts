/** Counts the bytes of field blocks in one direction of an HTTP/2 connection, whatever the chunks. */
export interface FieldBlockCounter {
  /** Takes the next bytes; returns how many of them belong to field blocks. */
  read(chunk: Uint8Array): number;
}

/** `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, before the first frame of a client (RFC 9113, 3.4). */
const prefaceBytes = 24;
const frameHeadBytes = 9;

const frameTypes = { headers: 0x1, pushPromise: 0x5, continuation: 0x9 } as const;
const flags = { padded: 0x8, priority: 0x20 } as const;

/**
 * Counts what HPACK made: the fragments in HEADERS, PUSH_PROMISE and CONTINUATION frames (RFC 9113, 6.2, 6.6, 6.10). The 9
 * bytes before each frame, padding, priorities and promised stream ids are left out.
 *
 * @param from who sends these bytes; a client sends its preface first.
 */
export function fieldBlockCounter(from: "client" | "server"): FieldBlockCounter {
  const head = new Uint8Array(frameHeadBytes);
  let skip = from === "client" ? prefaceBytes : 0;
  let headFilled = 0;
  /** Of the frame under way: bytes still to come of its prefix, its fragment and what follows that. */
  let prefix = 0;
  let fragment = 0;
  let padLengthNext = false;

  const beginFrame = (): void => {
    const [high = 0, middle = 0, low = 0, type = 0, flag = 0] = head;
    const length = (high << 16) | (middle << 8) | low;
    headFilled = 0;
    if (type !== frameTypes.headers && type !== frameTypes.pushPromise && type !== frameTypes.continuation) {
      skip = length;
      return;
    }
    padLengthNext = type !== frameTypes.continuation && (flag & flags.padded) !== 0;
    prefix = padLengthNext ? 1 : 0;
    if (type === frameTypes.headers && (flag & flags.priority) !== 0) prefix += 5;
    if (type === frameTypes.pushPromise) prefix += 4;
    fragment = length - prefix;
  };

  return {
    read: (chunk) => {
      let counted = 0;
      for (let at = 0; at < chunk.byteLength;) {
        const left = chunk.byteLength - at;
        if (prefix > 0) {
          const byte = chunk[at] ?? 0;
          at += 1;
          prefix -= 1;
          if (!padLengthNext) continue;
          // The padding comes last, so it is skipped after the fragment.
          padLengthNext = false;
          fragment -= byte;
          skip = byte;
        } else if (fragment > 0) {
          const taken = Math.min(fragment, left);
          fragment -= taken;
          counted += taken;
          at += taken;
        } else if (skip > 0) {
          const taken = Math.min(skip, left);
          skip -= taken;
          at += taken;
        } else {
          head[headFilled++] = chunk[at++] ?? 0;
          if (headFilled === frameHeadBytes) beginFrame();
        }
      }
      return counted;
    },
  };
}
