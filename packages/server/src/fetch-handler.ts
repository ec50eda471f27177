/** What serves requests: the shape that Hono, h3, Deno, Bun and workers agree on. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/**
 * Told of what a handler threw, and of an answer that could not be sent. What it returns is sent in place of the plain
 * status 500, if nothing was sent yet; nothing of the error itself ever is.
 */
export type ErrorHandler = (error: unknown, request: Request) => Response | undefined | void;

/** The default: errors of handlers are never silent. */
export function warnOfFailure(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning("a request handler failed", { code: "HOLDFAST_HANDLER_FAILED", detail: text });
}
