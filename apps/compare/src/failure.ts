import { isTransportError, type Phase, type TransportError } from "@holdfast/transport";
import { AdapterError } from "./adapters.ts";
import { messageOf, sentence } from "./sentence.ts";

/** What the sentence about a failure needs to know besides the error. */
export interface FailureContext {
  readonly url: string;
  readonly timeoutMs: number;
}

/** What was being done, to go after "while" or before "failed". */
const doing: Readonly<Record<Phase, string>> = {
  queue: "waiting for a connection",
  resolve: "looking up the name",
  connect: "connecting",
  secure: "the TLS handshake",
  send: "sending the request",
  head: "waiting for the response head",
  body: "reading the response body",
  channel: "using the channel",
  close: "closing",
};

/** Codes of the operating system, the resolver and OpenSSL, in plain words. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the other side reset the connection",
  ECONNABORTED: "the connection was aborted",
  EPIPE: "the other side closed the connection",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ETIMEDOUT: "the network gave no answer in time",
  EADDRNOTAVAIL: "no free local port is left",
  EMFILE: "too many files and sockets are open",
  EACCES: "the operating system does not allow it",
  EPERM: "the operating system does not allow it",
  ENOTFOUND: "there is no such name",
  EAI_AGAIN: "the name server does not answer",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate chain ends in one that is self-signed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the certificate's issuer is unknown",
  UNABLE_TO_GET_ISSUER_CERT: "the certificate's issuer is unknown",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate's issuer is unknown",
  CERT_HAS_EXPIRED: "the certificate has expired",
  CERT_NOT_YET_VALID: "the certificate is not valid yet",
  CERT_REVOKED: "the certificate was revoked",
  CERT_SIGNATURE_FAILURE: "the certificate's signature is wrong",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another host",
  ERR_SSL_WRONG_VERSION_NUMBER: "the other side does not speak TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the other side does not speak TLS",
};

const certificateCodes: ReadonlySet<string> = new Set(
  Object.keys(reasons).filter((code) => code.includes("CERT") || code.startsWith("UNABLE_TO_")),
);

/** One plain sentence, or two where there is a remedy, that says what failed, where, and in which phase. */
export function describeFailure(error: unknown, context: FailureContext): string {
  const { origin, protocol } = new URL(context.url);
  if (error instanceof AdapterError) return error.message;
  if (!isTransportError(error)) return `An exchange with ${origin} failed: ${sentence(messageOf(error))}`;
  const during = error.phase === "secure" && protocol === "http:" ? "agreeing on the protocol" : doing[error.phase];
  const limit = `${context.timeoutMs.toLocaleString("en-US")} ms (--timeout)`;
  if (error.code === "CONNECT_TIMEOUT") return `Could not reach ${origin}: ${during} took longer than ${limit}.`;
  if (error.code === "HEAD_TIMEOUT") return `No answer from ${origin}: ${doing.head} took longer than ${limit}.`;
  if (error.code === "BODY_TIMEOUT")
    return `No complete answer from ${origin}: while ${during}, nothing moved for ${limit}.`;
  if (error.code === "TRUNCATED")
    return `No complete answer from ${origin}: the connection ended inside the response body.`;
  if (error.code === "NEGOTIATION_FAILED") return `Could not use ${origin}: it does not speak ${error.protocol}.`;
  return describeOther(error, origin, during);
}

/** The failure is one of making a connection, so the next exchange would meet it too. */
export function isConnectFailure(error: unknown): boolean {
  return (
    isTransportError(error) && (error.phase === "resolve" || error.phase === "connect" || error.phase === "secure")
  );
}

function describeOther(error: TransportError, origin: string, during: string): string {
  const code = systemCode(error);
  const reason = (code === undefined ? undefined : reasons[code]) ?? (code === undefined ? undefined : `error ${code}`);
  const what = isConnectFailure(error)
    ? `Could not reach ${origin}: ${during} failed`
    : `An exchange with ${origin} failed while ${during}`;
  const text = `${what}: ${sentence(reason ?? messageOf(error))}`;
  return code !== undefined && certificateCodes.has(code)
    ? `${text} Trust it with --ca FILE, or skip the check with --insecure.`
    : text;
}

/** The first code that we have words for, through causes and the errors of several addresses; else the first of all. */
function systemCode(error: unknown): string | undefined {
  const pending: unknown[] = [error];
  let unknownCode: string | undefined;
  for (const one of pending) {
    if (!(one instanceof Error)) continue;
    const { code, cause, errors } = one as {
      readonly code?: unknown;
      readonly cause?: unknown;
      readonly errors?: unknown;
    };
    if (typeof code === "string" && !isTransportError(one)) {
      if (code in reasons) return code;
      unknownCode ??= code;
    }
    // A chain of causes can be a circle.
    if (pending.length < 50) pending.push(cause, ...(Array.isArray(errors) ? (errors as unknown[]) : []));
  }
  return unknownCode;
}
