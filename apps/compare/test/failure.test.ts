import { type Phase, TransportError, type TransportErrorCode } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { describeFailure, isConnectFailure } from "../src/failure.ts";

function failure(code: TransportErrorCode, phase: Phase, cause?: unknown): TransportError {
  const facts = { delivery: "maybe-sent", phase, protocol: "http/1.1", origin: "https://a.example" } as const;
  return new TransportError(code, "what the adapter said", { ...facts, ...(cause !== undefined && { cause }) });
}

function systemError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`system error ${code}`), { code, ...more });
}

const context = { url: "https://a.example/secret?token=1", timeoutMs: 2_500 };

describe("the sentence about a failure", () => {
  const cases: readonly (readonly [TransportError, string])[] = [
    [
      failure("CONNECT_FAILED", "connect", systemError("ECONNREFUSED")),
      "Could not reach https://a.example: connecting failed: connection refused.",
    ],
    [
      failure("RESOLVE_FAILED", "resolve", systemError("ENOTFOUND")),
      "Could not reach https://a.example: looking up the name failed: there is no such name.",
    ],
    [
      failure("TLS_FAILED", "secure", systemError("DEPTH_ZERO_SELF_SIGNED_CERT")),
      "Could not reach https://a.example: the TLS handshake failed: the certificate is self-signed. Trust it with --ca FILE, or skip the check with --insecure.",
    ],
    [
      failure("TLS_FAILED", "secure", systemError("ERR_SSL_WRONG_VERSION_NUMBER")),
      "Could not reach https://a.example: the TLS handshake failed: the other side does not speak TLS.",
    ],
    [
      failure("CONNECT_TIMEOUT", "connect"),
      "Could not reach https://a.example: connecting took longer than 2,500 ms (--timeout).",
    ],
    [
      failure("CONNECT_TIMEOUT", "secure"),
      "Could not reach https://a.example: the TLS handshake took longer than 2,500 ms (--timeout).",
    ],
    [failure("NEGOTIATION_FAILED", "secure"), "Could not use https://a.example: it does not speak http/1.1."],
    [
      failure("HEAD_TIMEOUT", "head"),
      "No answer from https://a.example: waiting for the response head took longer than 2,500 ms (--timeout).",
    ],
    [
      failure("BODY_TIMEOUT", "body"),
      "No complete answer from https://a.example: while reading the response body, nothing moved for 2,500 ms (--timeout).",
    ],
    [
      failure("TRUNCATED", "body"),
      "No complete answer from https://a.example: the connection ended inside the response body.",
    ],
    [
      failure("CONNECTION_LOST", "head", systemError("ECONNRESET")),
      "An exchange with https://a.example failed while waiting for the response head: the other side reset the connection.",
    ],
    [
      failure("PROTOCOL_ERROR", "head"),
      "An exchange with https://a.example failed while waiting for the response head: what the adapter said.",
    ],
    [
      failure("CONNECT_FAILED", "connect", systemError("EWEIRD")),
      "Could not reach https://a.example: connecting failed: error EWEIRD.",
    ],
  ];

  it.each(cases)("says what failed, where and in which phase: %s", (error, sentence) => {
    expect(describeFailure(error, context)).toBe(sentence);
  });

  it("speaks of no TLS where there is none", () => {
    const plain = { ...context, url: "http://a.example/" };
    expect(describeFailure(failure("CONNECT_TIMEOUT", "secure"), plain)).toBe(
      "Could not reach http://a.example: agreeing on the protocol took longer than 2,500 ms (--timeout).",
    );
  });

  it("finds the reason among the errors of several addresses", () => {
    const cause = new AggregateError([systemError("EWEIRD"), systemError("EHOSTUNREACH")]);
    expect(describeFailure(failure("CONNECT_FAILED", "connect", cause), context)).toContain("no route to the host.");
  });

  it("finds the reason below other errors, even if their causes are a circle", () => {
    const outer = systemError("UND_ERR_SOCKET");
    const inner = systemError("ECONNRESET", { cause: outer });
    outer.cause = inner;
    expect(describeFailure(failure("CONNECTION_LOST", "head", outer), context)).toContain(
      "the other side reset the connection.",
    );
    outer.cause = outer;
    expect(describeFailure(failure("CONNECTION_LOST", "head", outer), context)).toContain("error UND_ERR_SOCKET.");
  });

  it("is the first line of any other error", () => {
    expect(describeFailure(new Error("It broke\n    at somewhere"), context)).toBe(
      "An exchange with https://a.example failed: It broke.",
    );
    expect(describeFailure("a string", context)).toBe("An exchange with https://a.example failed: a string.");
  });
});

describe("a failure to connect", () => {
  it("is one before anything was sent", () => {
    const phases: readonly Phase[] = ["queue", "resolve", "connect", "secure", "send", "head", "body"];
    expect(phases.filter((phase) => isConnectFailure(failure("CONNECT_FAILED", phase)))).toEqual([
      "resolve",
      "connect",
      "secure",
    ]);
    expect(isConnectFailure(new Error("no"))).toBe(false);
  });
});
