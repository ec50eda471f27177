import { BodyBuffer, type BodySource, type Fields, noFields } from "@holdfast/transport";

const noTrailers: Promise<Fields> = Promise.resolve(noFields);

/** What has come of a response: its head, its body, its trailers. Owned by the exchange. */
export class Answer {
  readonly status: number;
  readonly headers: Fields;
  readonly body: BodyBuffer;
  #outcome: { readonly trailers: Fields } | { readonly error: unknown } | undefined;
  #settle: { readonly resolve: (trailers: Fields) => void; readonly reject: (error: unknown) => void } | undefined;

  constructor(status: number, headers: Fields, source: BodySource) {
    this.status = status;
    this.headers = headers;
    this.body = new BodyBuffer(source);
  }

  end(trailers: Fields): void {
    this.#outcome = { trailers };
    this.body.end();
    this.#settle?.resolve(trailers);
  }

  fail(error: unknown): void {
    this.#outcome = { error };
    this.body.fail(error);
    this.#settle?.reject(error);
  }

  /** Settles with the body. Whoever does not ask for trailers is not told that they failed. */
  trailers(): Promise<Fields> {
    const outcome = this.#outcome;
    if (outcome !== undefined && "trailers" in outcome) {
      return outcome.trailers === noFields ? noTrailers : Promise.resolve(outcome.trailers);
    }
    const trailers = new Promise<Fields>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    trailers.catch(() => {});
    if (outcome !== undefined) this.#settle?.reject(outcome.error);
    return trailers;
  }
}
