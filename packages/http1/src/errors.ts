import { isTlsFailure, tlsReason } from "@holdfast/dial";
import type { Failure } from "@holdfast/pool";

/** What was known when undici reported an error. */
export interface FailureContext {
  readonly headSeen: boolean;
  /** A byte of a response had come. */
  readonly responded: boolean;
  readonly socketError: Error | undefined;
}

/** The only reader of undici's and the system's error codes. */
export function failureOf(error: Error, { headSeen, responded, socketError }: FailureContext): Failure {
  const { code = "", name } = error as NodeJS.ErrnoException;
  const tls = [error, socketError].find((one) => one !== undefined && isTlsFailure(one));
  if (tls !== undefined && !responded)
    return { code: "TLS_FAILED", message: tlsReason(tls), phase: "secure", cause: tls };
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    return { code: "LIMIT_EXCEEDED", message: "the response head is too long (limits.headBytes)", cause: error };
  }
  if (code === "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH") {
    return { code: "ABORTED", message: "the request body has another length than content-length says", cause: error };
  }
  // The parser's own error is lost behind this one where a length was declared.
  if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" && !headSeen) {
    return { ...protocolError("the response is not HTTP/1.1"), cause: error };
  }
  if (name === "HTTPParserError") {
    // Its code is empty; the words are llhttp's for a connection that ended within a chunked body.
    if (!error.message.includes("Invalid EOF state"))
      return { ...protocolError("the response is not HTTP/1.1"), cause: error };
    return headSeen ? truncated(error) : lost(error, responded);
  }
  // undici tells these two by their words alone, too.
  if (code === "UND_ERR_SOCKET" && /^bad (response|upgrade)$/.test(error.message)) {
    return { ...protocolError("the peer sent what was not asked for"), cause: error };
  }
  if (code === "ERR_ASSERTION" || code.startsWith("UND_ERR_INVALID")) {
    return { ...protocolError("the exchange broke a rule of HTTP/1.1"), cause: error };
  }
  return headSeen ? truncated(error) : lost(error, responded);
}

export function truncated(cause: unknown): Failure {
  return { code: "TRUNCATED", message: "the connection ended before the response body did", cause };
}

export function protocolError(message: string): Failure {
  return { code: "PROTOCOL_ERROR", message };
}

function lost(cause: Error, responded: boolean): Failure {
  const when = responded ? "within the response head" : "before a response";
  return { code: "CONNECTION_LOST", message: `the connection ended ${when}`, responded, cause };
}
