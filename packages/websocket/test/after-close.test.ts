import { TransportError, transportErrorCodes } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { afterClose, afterError, codeOfClose } from "../src/after-close.ts";

describe("a subscription whose channel was closed", () => {
  it.each([
    ["end", [1_000]],
    ["soon", [1_001, 1_005, 1_006, 1_011, 1_012, 1_014]],
    ["late", [1_013]],
    ["fail", [1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_015, 3_000, 3_999, 4_000, 4_401, 4_999]],
  ])("does %s after %j", (next, codes) => {
    expect(codes.map((code) => afterClose({ code }))).toEqual(codes.map(() => next));
  });

  it("fails with a code that says what kind of close it was", () => {
    expect([1_002, 1_003, 1_007].map(codeOfClose)).toEqual(Array.from({ length: 3 }, () => "PROTOCOL_ERROR"));
    expect(codeOfClose(1_009)).toBe("LIMIT_EXCEEDED");
    expect([1_008, 1_010, 4_001].map(codeOfClose)).toEqual(Array.from({ length: 3 }, () => "CONNECTION_LOST"));
  });
});

describe("a subscription that cannot open a channel", () => {
  it("goes on only after what may pass", () => {
    const passing = transportErrorCodes.filter((code) => {
      const facts = { delivery: "not-sent", phase: "channel", protocol: "websocket", origin: "" } as const;
      return afterError(new TransportError(code, code, facts)) === "soon";
    });
    expect(passing).toEqual(["QUEUE_FULL", "RESOLVE_FAILED", "CONNECT_FAILED", "CONNECT_TIMEOUT", "CONNECTION_LOST"]);
    expect(afterError(new Error("no"))).toBe("fail");
  });
});
