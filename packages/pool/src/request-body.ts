import type { CheckedBody } from "@holdfast/transport";

/**
 * The body of one exchange, over all its attempts. It knows whether it can be sent (again), and ends what it has begun to
 * read: a caller's generator runs its `finally`, a stream is cancelled. A body that nobody began to read is left alone,
 * because its caller may send it another way.
 */
export class RequestBody {
  readonly #body: CheckedBody;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #begun = false;

  constructor(body: CheckedBody) {
    this.#body = body;
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

  /** The chunks, for one attempt. */
  async *chunks(): AsyncGenerator<Uint8Array, void, void> {
    if (this.#body.kind !== "stream") return;
    this.#begun = true;
    const iterator = this.#body.open()[Symbol.asyncIterator]();
    this.#iterator = iterator;
    while (this.#iterator === iterator) {
      const { done, value } = await iterator.next();
      if (done === true) {
        if (this.#iterator === iterator) this.#iterator = undefined;
        return;
      }
      if (!(value instanceof Uint8Array))
        throw new TypeError("the request body yielded something that is not a Uint8Array");
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

const empty: RequestBody = new RequestBody({ kind: "none", replayable: true });

/** The body of a new exchange; those without one share theirs, which has nothing to remember. */
export function requestBody(body: CheckedBody): RequestBody {
  return body.kind === "none" ? empty : new RequestBody(body);
}
