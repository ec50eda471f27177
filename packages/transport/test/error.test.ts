import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { Delivery, TransportErrorFacts } from "../src/error.ts";
import * as source from "../src/error.ts";

const { isTransportError, restateError, TransportError, transportErrorCodes } = source;

const facts: TransportErrorFacts = {
  delivery: "maybe-sent",
  phase: "head",
  protocol: "h2",
  origin: "https://a.example",
};

/** The same source loaded again, as when two versions of the package are installed. */
async function secondCopy(): Promise<typeof source> {
  const url = new URL("../src/error.ts?copy=2", import.meta.url).href;
  return (await import(/* @vite-ignore */ url)) as typeof source;
}

const own = (error: object): object => Object.fromEntries(Object.entries(error));

describe("a TransportError", () => {
  it("is an Error that says its class, code and facts", () => {
    const cause = new Error("ECONNRESET");
    const earlier = new TransportError("CONNECT_FAILED", "first", { ...facts, delivery: "not-sent", phase: "connect" });
    const error = new TransportError("CONNECTION_LOST", "second", {
      ...facts,
      attempt: 2,
      reused: true,
      elapsedMs: 12.5,
      attempts: [earlier],
      cause,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("TransportError");
    expect(String(error)).toBe("TransportError: second");
    expect(error.stack).toContain("error.test.ts");
    expect(own(error)).toEqual({
      code: "CONNECTION_LOST",
      delivery: "maybe-sent",
      phase: "head",
      protocol: "h2",
      origin: "https://a.example",
      attempt: 2,
      reused: true,
      elapsedMs: 12.5,
      attempts: [earlier],
    });
    expect(error.cause).toBe(cause);
  });

  it("is the first attempt, on a new connection, at once, if nothing else is said", () => {
    const error = new TransportError("REFUSED", "no", facts);
    expect(error).toMatchObject({ attempt: 1, reused: false, elapsedMs: 0, attempts: [] });
  });

  it("keeps a cause that is falsy or no error", () => {
    for (const cause of [null, 0, "", false, "stop"]) {
      expect(new TransportError("ABORTED", "aborted", { ...facts, cause }).cause).toBe(cause);
    }
  });

  it("has no cause of its own if there was none", () => {
    expect(Object.hasOwn(new TransportError("CLOSED", "closed", facts), "cause")).toBe(false);
  });

  it.each<[Delivery, boolean]>([
    ["not-sent", true],
    ["refused", true],
    ["maybe-sent", false],
    ["answered", false],
  ])("with delivery %s has replaySafe %s", (delivery, replaySafe) => {
    expect(new TransportError("REFUSED", "no", { ...facts, delivery }).replaySafe).toBe(replaySafe);
  });

  it("shows its code in a log", () => {
    expect(inspect(new TransportError("QUEUE_FULL", "full", facts))).toContain("code: 'QUEUE_FULL'");
  });
});

describe("the error codes", () => {
  it("are the closed set of the contract", () => {
    expect([...transportErrorCodes]).toEqual(
      (
        "ABORTED DEADLINE_EXCEEDED QUEUE_FULL QUEUE_TIMEOUT RESOLVE_FAILED CONNECT_FAILED CONNECT_TIMEOUT TLS_FAILED " +
        "NEGOTIATION_FAILED HEAD_TIMEOUT BODY_TIMEOUT CONNECTION_LOST STREAM_RESET REFUSED TRUNCATED PROTOCOL_ERROR " +
        "LIMIT_EXCEEDED CIRCUIT_OPEN BUDGET_EXHAUSTED UNSUPPORTED CLOSED"
      ).split(" "),
    );
  });
});

describe("isTransportError", () => {
  it("knows the errors of another copy of the package, and is known by it", async () => {
    const copy = await secondCopy();
    expect(copy.TransportError).not.toBe(TransportError);
    const theirs = new copy.TransportError("REFUSED", "no", facts);
    expect(theirs).not.toBeInstanceOf(TransportError);
    expect(isTransportError(theirs)).toBe(true);
    expect(copy.isTransportError(new TransportError("REFUSED", "no", facts))).toBe(true);
  });

  it("refuses everything else", () => {
    const lookalike = Object.assign(new Error("no"), { name: "TransportError", ...facts, code: "REFUSED" });
    for (const value of [
      undefined,
      null,
      0,
      "TransportError",
      Symbol("x"),
      {},
      [],
      new Error("no"),
      lookalike,
      TransportError,
    ]) {
      expect(isTransportError(value)).toBe(false);
    }
  });
});

describe("restateError", () => {
  const cause = new Error("why");
  const error = new TransportError("REFUSED", "refused", {
    ...facts,
    delivery: "refused",
    attempt: 3,
    reused: true,
    elapsedMs: 5,
    cause,
  });

  it("changes what it is told and keeps the rest", () => {
    const earlier = new TransportError("REFUSED", "earlier", facts);
    const restated = restateError(error, { elapsedMs: 90, attempts: [earlier] });
    expect(restated).not.toBe(error);
    expect(restated.message).toBe("refused");
    expect(own(restated)).toEqual({ ...own(error), elapsedMs: 90, attempts: [earlier] });
    expect(restated.cause).toBe(cause);
    expect(restated.replaySafe).toBe(true);
  });

  it("told nothing is the same failure", () => {
    expect(own(restateError(error, {}))).toEqual(own(error));
  });

  it("leaves the first error as it was", () => {
    restateError(error, { delivery: "answered", elapsedMs: 90 });
    expect(error).toMatchObject({ delivery: "refused", elapsedMs: 5, attempts: [] });
  });

  it("does not invent a cause", () => {
    expect(Object.hasOwn(restateError(new TransportError("CLOSED", "closed", facts), {}), "cause")).toBe(false);
  });

  it("restates an error of another copy of the package", async () => {
    const copy = await secondCopy();
    const restated = restateError(new copy.TransportError("TRUNCATED", "cut", { ...facts, cause }), { attempt: 2 });
    expect(restated).toBeInstanceOf(TransportError);
    expect(restated).toMatchObject({ code: "TRUNCATED", message: "cut", attempt: 2, cause });
  });
});
