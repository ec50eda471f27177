import { type ClientHttp2Stream, constants } from "node:http2";
import { isTlsFailure, tlsReason } from "@holdfast/dial";
import type { Failure } from "@holdfast/pool";
import { type Phase, type Target, TransportError, type TransportErrorCode } from "@holdfast/transport";
import type { Http2Session } from "./session.ts";

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_HTTP_1_1_REQUIRED, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } =
  constants;

// ---- no session

export function settingsTimeout(target: Target, timeoutMs: number): TransportError {
  const message = `no connection to ${target.origin} within ${timeoutMs} ms (timeouts.connectMs): the peer sent no SETTINGS`;
  return notSent("CONNECT_TIMEOUT", message, target, undefined);
}

export function aborted(target: Target, reason: unknown): TransportError {
  return notSent("ABORTED", "nobody waits for the connection any more", target, reason);
}

/** The only readers of node's and http2-wrapper's error codes are below. */
export function noSession(target: Target, cause: Error): TransportError {
  const { code } = cause as NodeJS.ErrnoException;
  const { origin } = target;
  if (isTlsFailure(cause)) return notSent("TLS_FAILED", `no TLS with ${origin}: ${tlsReason(cause)}`, target, cause);
  if (code === "ERR_HTTP2_ERROR") {
    return notSent("NEGOTIATION_FAILED", `${origin} does not speak HTTP/2: what it sent are no frames`, target, cause);
  }
  return notSent("CONNECT_FAILED", `${origin} closed the connection before its SETTINGS`, target, cause);
}

function notSent(code: TransportErrorCode, message: string, { origin }: Target, cause: unknown): TransportError {
  const phase: Phase = "secure";
  return new TransportError(code, message, { delivery: "not-sent", phase, protocol: "h2", origin, cause });
}

// ---- no stream

export function unopened(cause: Error | null): Failure {
  return {
    code: "CONNECTION_LOST",
    message: "the session could not take the exchange: it has ended, or has no stream left",
    cause,
  };
}

/** Node's own rules for heads, as of fields that may stand once only, are told by a TypeError; the session is as it was. */
export function isBadHead(error: unknown): error is TypeError {
  return error instanceof TypeError;
}

export function badHead(cause: TypeError): Failure {
  return { code: "UNSUPPORTED", message: `node:http2 does not send such a head: ${cause.message}`, cause };
}

/** More than nghttp2 sends, or more than the peer has said that it takes. */
export function requestTooLong(
  what: "head" | "trailers",
  bytes: number,
  { mostHeadBytes, peerTakesBytes }: Http2Session,
): Failure {
  const verb = what === "head" ? "is" : "are";
  const whose = peerTakesBytes <= mostHeadBytes ? "the peer takes (SETTINGS_MAX_HEADER_LIST_SIZE)" : "node:http2 sends";
  return {
    code: "LIMIT_EXCEEDED",
    message: `the ${what} of the request ${verb} ${bytes} bytes long, and ${mostHeadBytes} bytes are the most that ${whose}`,
    phase: "send",
  };
}

// ---- a stream that ended before its response did

export function streamFailure(
  stream: ClientHttp2Stream,
  { goAway, error: sessionError, lost }: Http2Session,
  headSeen: boolean,
  error: NodeJS.ErrnoException | undefined,
): Failure {
  const { id, rstCode } = stream;
  const because = { cause: sessionError ?? error ?? new Error(`the stream was closed with code ${rstCode}`) };
  if (!headSeen && rstCode === NGHTTP2_REFUSED_STREAM) {
    return { code: "REFUSED", message: "the peer refused the stream", refused: true, ...because };
  }
  if (!headSeen && goAway !== undefined && (id ?? Infinity) > goAway.lastStreamId) {
    return {
      code: "REFUSED",
      message: "the peer said goodbye before it looked at the stream",
      refused: true,
      ...because,
    };
  }
  if (!headSeen && rstCode === NGHTTP2_HTTP_1_1_REQUIRED) {
    return { code: "NEGOTIATION_FAILED", message: "the peer wants this over HTTP/1.1", refused: true, ...because };
  }
  if (brokeProtocol(sessionError)) {
    return { code: "PROTOCOL_ERROR", message: "the peer broke the protocol, which ended the session", ...because };
  }
  if (headSeen) {
    const broke = `the response ended before its body did (RST_STREAM ${rstCode})`;
    // As for heads, below; but a body that a peer breaks off must not look like one that we did not want.
    const ours = rstCode === NGHTTP2_ENHANCE_YOUR_CALM ? ", or its trailers are too long (limits.headBytes)" : "";
    return { code: "TRUNCATED", message: broke + ours, ...because };
  }
  // For NO_ERROR and CANCEL node raises no error: only the session, which lives on, tells a reset from a loss.
  if (lost) return { code: "CONNECTION_LOST", message: "the connection ended before a response", ...because };
  if (rstCode === NGHTTP2_ENHANCE_YOUR_CALM) {
    return {
      code: "LIMIT_EXCEEDED",
      // Node resets with the same code when a list is too long, and does not say who did.
      message: "the header list of the response is too long (limits.headBytes), or the peer wants fewer requests",
      responded: true,
      ...because,
    };
  }
  return {
    code: "STREAM_RESET",
    message:
      rstCode === NGHTTP2_PROTOCOL_ERROR
        ? // Node resets with the same code what breaks the rules for a head, and does not say who did.
          "the head of the response breaks the protocol, or the peer reset the stream (RST_STREAM 1)"
        : `the peer reset the stream (RST_STREAM ${rstCode})`,
    responded: true,
    ...because,
  };
}

/** Node ended the session for what it had read: by nghttp2's verdict, or by its own on too many frames that break the rules. */
function brokeProtocol(sessionError: NodeJS.ErrnoException | undefined): boolean {
  const code = sessionError?.code;
  return code === "ERR_HTTP2_ERROR" || code === "ERR_HTTP2_TOO_MANY_INVALID_FRAMES";
}

export function headTooLong(headBytes: number): Failure {
  const message = `the header list of the response is longer than ${headBytes} bytes (limits.headBytes)`;
  return { code: "LIMIT_EXCEEDED", message, responded: true };
}

export function trailersTooLong(headBytes: number): Failure {
  const message = `the trailers of the response are longer than ${headBytes} bytes (limits.headBytes)`;
  return { code: "LIMIT_EXCEEDED", message };
}

export function protocolError(message: string): Failure {
  return { code: "PROTOCOL_ERROR", message };
}
