import type { CheckedBody } from "@holdfast/transport";

/**
 * The body of one exchange, over all its attempts. It knows whether it can be sent (again), and ends what it has begun to
 * read: a caller's generator runs its `finally`, a stream is cancelled. A body that nobody began to read is left alone,
 * because its caller may send it another way.
 */
export class RequestBody {
  readonly #body: CheckedBody;
  readonly #declaredBytes: number;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #begun = false;

  constructor(body: CheckedBody, declaredBytes: number) {
    this.#body = body;
    this.#declaredBytes = declaredBytes;
  }

  get kind(): CheckedBody["kind"] {
    return this.#body.kind;
  }

  get bytes(): Uint8Array | undefined {
    return this.#body.kind === "bytes" ? this.#body.bytes : undefined;
  }

  /** Untouched, or able to be read again. */
  get atHand(): boolean {
    return this.#body.replayable || !this.#begun;
  }

  /**
   * The chunks, for one attempt. Once stopped it ends as if there were no more, whatever the caller's body makes of that: so
   * look whether the attempt is over before the end is passed on.
   *
   * @throws What the caller's body throws; a TypeError for what is no chunk, and where the chunks are not as long as
   * `content-length` says: on a connection that is shared, the peer may make all who share it pay for that (RFC 9113, 8.1.1).
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    if (this.#body.kind !== "stream") return;
    this.#begun = true;
    const iterator = this.#body.open()[Symbol.asyncIterator]();
    this.#iterator = iterator;
    let leftBytes = this.#declaredBytes;
    while (this.#iterator === iterator) {
      let result: IteratorResult<Uint8Array> | undefined;
      try {
        result = await iterator.next();
      } catch (error) {
        // What comes of being stopped is no failure of the attempt that reads now.
        if (this.#iterator === iterator) throw error;
      }
      if (this.#iterator !== iterator) return;
      const { done, value } = result as IteratorResult<Uint8Array>;
      if (done === true) {
        this.#iterator = undefined;
        if (leftBytes > 0 && leftBytes !== Infinity)
          throw new TypeError("the request body is shorter than its content-length");
        return;
      }
      if (!(value instanceof Uint8Array))
        throw new TypeError("the request body yielded something that is not a Uint8Array");
      leftBytes -= value.byteLength;
      if (leftBytes < 0) throw new TypeError("the request body is longer than its content-length");
      yield value;
    }
  }

  /** Ends the reading that is under way. */
  stop(): void {
    const iterator = this.#iterator;
    if (iterator === undefined) return;
    this.#iterator = undefined;
    void ended(iterator);
  }
}

async function ended(iterator: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // What a caller's clean-up throws has nobody left to hear it.
  }
}

const empty: RequestBody = new RequestBody({ kind: "none", replayable: true }, Infinity);

/** The body of a new exchange; those without one share theirs, which has nothing to remember. */
export function requestBody(body: CheckedBody, headers: readonly string[]): RequestBody {
  return body.kind === "none"
    ? empty
    : new RequestBody(body, body.kind === "stream" ? declaredBytes(headers) : Infinity);
}

/** By content-length; infinite when nothing was said. */
function declaredBytes(headers: readonly string[]): number {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === "content-length") return Number(headers[i + 1]);
  return Infinity;
}
