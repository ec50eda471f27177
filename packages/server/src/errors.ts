import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import { type ConnectionInfo, type Delivery, TransportError, type TransportErrorCode } from "@holdfast/transport";

/** What broke a response on our side, the handler's stream as a rule; undefined when it ended or when the client went away. */
export function failureOf(response: ServerResponse | Http2ServerResponse): Error | undefined {
  const error = "stream" in response ? response.stream.errored : response.errored;
  return error === null || error === undefined || comesFromPeer(error) ? undefined : error;
}

function comesFromPeer(error: Error): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return code.startsWith("ERR_HTTP2_") || code === "ECONNRESET" || code === "EPIPE";
}

/** Why a channel cannot be used, or ended badly. */
export function channelError(
  code: TransportErrorCode,
  message: string,
  { protocol, origin }: ConnectionInfo,
  delivery: Delivery,
  cause?: unknown,
): TransportError {
  return new TransportError(code, message, { delivery, phase: "channel", protocol, origin, reused: false, cause });
}

/** What an error of ws means: the client sent too much, or nonsense. */
export function codeOfSocketError(error: NodeJS.ErrnoException): TransportErrorCode {
  if (error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return "LIMIT_EXCEEDED";
  return error.code?.startsWith("WS_ERR_") === true ? "PROTOCOL_ERROR" : "CONNECTION_LOST";
}
