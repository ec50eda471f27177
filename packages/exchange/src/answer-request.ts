import { type BodyBuffer, BodyReader, type Fields, type ResponseBody } from "@holdfast/transport";
import type { RequestHead } from "./head.ts";
import type { ServedRequest } from "./served.ts";

/** What a request asks for only when its handler does: most use neither. */
export interface RequestSource {
  readonly origin: string;
  makeSignal(): AbortSignal;
  readTrailers(): Promise<Fields>;
  informational(status: number, headers: Fields | undefined): void;
}

/** The request that a handler gets. */
export class AnswerRequest implements ServedRequest {
  readonly method: string;
  readonly headers: Fields;
  readonly body: ResponseBody;
  readonly #path: string;
  readonly #source: RequestSource;
  #url: URL | undefined;

  constructor({ method, headers, path }: RequestHead, body: BodyBuffer, source: RequestSource) {
    this.method = method;
    this.headers = headers;
    this.body = new BodyReader(body);
    this.#path = path;
    this.#source = source;
  }

  get url(): URL {
    return (this.#url ??= new URL(`${this.#source.origin}${this.#path}`));
  }

  get signal(): AbortSignal {
    return this.#source.makeSignal();
  }

  get trailers(): Promise<Fields> {
    return this.#source.readTrailers();
  }

  /** Bound, because handlers take their request apart. */
  get informational(): ServedRequest["informational"] {
    return (status, headers) => this.#source.informational(status, headers);
  }
}
