import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { SocketFailure } from "@holdfast/exchange";

/** What broke a response on our side, the handler's stream as a rule, which `broken` may know first; undefined when it ended, or when writing it did not succeed. */
export function failureOf(
  response: ServerResponse | Http2ServerResponse,
  broken: Error | undefined,
): Error | undefined {
  const error = broken ?? ("stream" in response ? response.stream.errored : response.errored);
  return error === null || error === undefined || isLostWrite(error) ? undefined : error;
}

/** The client went away, and node noticed while writing. */
function isLostWrite({ code, syscall }: NodeJS.ErrnoException): boolean {
  return syscall === "write" || code === "ERR_HTTP2_INVALID_STREAM" || code === "ERR_STREAM_WRITE_AFTER_END";
}

/** Why a signal fires, and a body fails, when the client is gone: as fetch has it, on every protocol. */
export function clientGone(cause?: unknown): DOMException {
  if (cause instanceof DOMException && cause.name === "AbortError") return cause;
  return new DOMException("the client went away", { name: "AbortError", cause });
}

/** Whether an error says no more than that the exchange was given up, for `reason`: it, an AbortError, or what a transport makes of it. */
export function isConsequence(error: unknown, reason: unknown): boolean {
  if (error === reason) return true;
  if (!(error instanceof Error)) return false;
  return error.name === "AbortError" || (error.cause !== undefined && error.cause === reason);
}

/** What an error of ws means: the client sent too much, or nonsense. */
export function socketFailure(error: Error, messageBytes: number): SocketFailure {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
    const message = `the client sent a message longer than ${messageBytes} bytes (limits.messageBytes)`;
    return { code: "LIMIT_EXCEEDED", message };
  }
  if (code.startsWith("WS_ERR_"))
    return { code: "PROTOCOL_ERROR", message: `the client broke the WebSocket protocol: ${error.message}` };
  return { code: "CONNECTION_LOST", message: "the connection was lost" };
}
