import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { NodeRequest, sendNodeResponse } from "srvx/node";
import { hasBody, RequestBody } from "./body.ts";
import { checkHead, failed, type Refusal, tooLong } from "./check-head.ts";
import { checkResponse, checkSendable } from "./check-response.ts";
import { clientGone, failureOf, isConsequence } from "./errors.ts";
import { isLeftOpen } from "./left-open.ts";
import type { ServeSettings } from "./options.ts";
import { withoutConnectionFields } from "./response-fields.ts";
import type { Wire } from "./wire.ts";

const tooSlow: Refusal = { status: 408, reason: "the request body did not come in time" };

const ignore = (): void => {};

/** One request and its response, of HTTP/1.1 and HTTP/2 alike: node's objects on one side, those of fetch on the other. */
export class Exchange {
  readonly #request: IncomingMessage | Http2ServerRequest;
  readonly #response: ServerResponse | Http2ServerResponse;
  readonly #wire: Wire;
  readonly #settings: ServeSettings;
  readonly #body: RequestBody | undefined;
  #gone = false;
  /** What the response was ended with before it was whole. */
  #broken: Error | undefined;

  constructor(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    wire: Wire,
    settings: ServeSettings,
  ) {
    this.#request = request;
    this.#response = response;
    this.#wire = wire;
    this.#settings = settings;
    // A client that goes away is no error of ours, and without a listener it would end the process.
    request.on("error", ignore);
    if (!("stream" in request)) sayWhoAborted(request);
    response.on("error", ignore);
    response.once("close", () => this.#closed());
    if (hasBody(request)) {
      this.#body = new RequestBody(request, settings.limits.bodyBytes, () => this.#refuse(tooLong));
      // The response of HTTP/2 says so only when its stream has closed.
      ("stream" in response ? response.stream : response).once("finish", () => {
        if (this.#body?.complete === false) wire.leave(this.#body);
      });
    }
  }

  /** Bytes are expected from the client. */
  get owed(): boolean {
    return this.#body?.owed ?? false;
  }

  /** The client has sent its request to the end. */
  get sent(): boolean {
    return this.#body?.complete ?? true;
  }

  /** Nothing has come for too long. */
  timeOut(): void {
    this.#refuse(tooSlow);
  }

  /** Answers in place of the handler, which has not begun; no other exchange shall follow. */
  refuse(refusal: Refusal): void {
    this.#wire.last();
    this.#refuse(refusal);
  }

  /** No other exchange shall follow; told to the client if its head is still to be sent. */
  endConnection(): void {
    if (!this.#response.headersSent) this.#wire.last();
  }

  /** The client is gone, was refused meanwhile, or has been served by a Node handler. */
  get #answered(): boolean {
    return this.#gone || this.#response.headersSent;
  }

  /** Settles when the handler has, and never rejects; the response is sent or on its way then. `last`: no other exchange shall follow. */
  async run(last: boolean): Promise<void> {
    // While it waited for its turn.
    if (this.#answered) return;
    if (last) this.#wire.last();
    const refusal = checkHead(this.#request, this.#settings.limits);
    if (refusal !== undefined) return this.#refuse(refusal);
    const request = new NodeRequest({ req: this.#request, res: this.#response });
    let answer: Response | undefined;
    try {
      answer = checkResponse(await this.#settings.fetch(request));
      if (!this.#answered) checkSendable(answer);
    } catch (error) {
      answer = this.#fail(error, request);
    }
    if (answer === undefined) this.#refuse(failed);
    else void this.#send(answer, request);
  }

  async #send(answer: Response, request: Request): Promise<void> {
    const response = this.#response;
    if (this.#answered) return letGo(answer);
    try {
      if (answer.headers.get("connection")?.toLowerCase() === "close") this.#wire.last();
      this.#wire.holdTo(answer);
      this.#keepHead();
      const sending = sendNodeResponse(response, withoutConnectionFields(answer));
      // On HTTP/1.1 a head goes with the first byte of its body, but an event stream may have none for long.
      if (!("stream" in response) && !response.writableEnded) setImmediate(flushHead, response);
      await sending;
      if (this.#broken === undefined && (await isLeftOpen(response))) {
        (response as ServerResponse).destroy(new Error("the response body broke without a reason"));
      }
      // Whoever is gone has not broken it: what a handler breaks closes later.
      const failure = this.#gone ? undefined : failureOf(response, this.#broken);
      if (failure !== undefined) this.#fail(failure, request);
    } catch (error) {
      this.#fail(error, request);
      this.#refuse(failed);
    }
  }

  /** Of a body that breaks before its first byte, the head is sent all the same: it was the answer, on every protocol. */
  #keepHead(): void {
    const response = this.#response as ServerResponse;
    const destroy = response.destroy.bind(response);
    response.destroy = (error) => {
      if (this.#gone || error === undefined) return destroy(error);
      // srvx says it twice.
      if (this.#broken !== undefined) return response;
      this.#broken = error;
      this.#wire.afterHead(() => destroy(error));
      return response;
    };
  }

  /** Answers in our own name, if nothing was answered yet; else the exchange is cut. */
  #refuse({ status, reason }: Refusal): void {
    const response = this.#response as ServerResponse;
    if (response.writableEnded) return;
    if (response.headersSent || response.destroyed) return this.#wire.cut();
    if (this.#body?.complete === false) this.#wire.last();
    try {
      this.#wire.holdTo(undefined);
      // Those of an answer that could not be sent, be it because of them.
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": reason.length + 1 });
      response.end(`${reason}\n`);
    } catch {
      this.#wire.cut();
    }
    this.#giveUpBody(new Error(reason));
  }

  /** Whoever reads the body learns that no more will come. */
  #giveUpBody(reason: Error): void {
    if (this.#body === undefined || this.#body.complete) return;
    this.#body.discard();
    this.#request.destroy(reason);
  }

  /** Tells of an error, unless it only says that the client is gone, and gives what shall be sent for it. */
  #fail(error: unknown, request: Request): Response | undefined {
    const { errored } = this.#request;
    const over = this.#gone || errored !== null;
    if (over && (isConsequence(error, errored) || isConsequence(error, request.signal.reason))) return undefined;
    try {
      const instead = this.#settings.onError(error, request) ?? undefined;
      return instead && checkSendable(checkResponse(instead));
    } catch {
      return undefined;
    }
  }

  #closed(): void {
    this.#gone = true;
    this.#giveUpBody(clientGone());
  }
}

/** Whoever made a response that nobody wants learns of it. */
async function letGo(response: Response): Promise<void> {
  try {
    if (!response.bodyUsed) await response.body?.cancel();
  } catch {
    // What it says of its end concerns nobody any more.
  }
}

/** Node destroys a request whose connection is lost with an error of its own, which srvx hands to the signal as it is. */
function sayWhoAborted(request: IncomingMessage): void {
  const destroy = request.destroy.bind(request);
  request.destroy = (error) => destroy(isLostConnection(error) ? clientGone(error) : error);
}

function isLostConnection(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.code === "ECONNRESET";
}

function flushHead(response: ServerResponse): void {
  if (response.headersSent && !response.writableEnded && !response.destroyed) response.flushHeaders();
}
