import { describe, expect, it } from "vitest";
import { isTransport } from "../src/transport.ts";
import { StubTransport } from "./stub-transport.ts";

describe("isTransport", () => {
  it("accepts an object or a class instance that carries the brand of version 1", () => {
    expect(isTransport(new StubTransport())).toBe(true);
    expect(isTransport({ "~holdfast": new StubTransport()["~holdfast"] })).toBe(true);
  });

  it.each([
    undefined,
    null,
    0,
    "transport",
    [],
    {},
    () => {},
    { request: () => {} },
    { "~holdfast": true },
    { "~holdfast": null },
  ])("refuses %j, which carries no brand", (value) => expect(isTransport(value)).toBe(false));

  it("refuses version 2 in plain words: who, which version, which is known", () => {
    const future = { "~holdfast": { version: 2, vendor: "@stranger/http9", protocol: "http/9" } };
    expect(() => isTransport(future)).toThrow(TypeError);
    expect(() => isTransport(future)).toThrow(/@stranger\/http9.*version 2.*knows version 1/);
  });

  it.each([{}, { version: "1" }, { version: undefined }, { version: 0 }])(
    "refuses the brand %j, which is not version 1",
    (brand) => {
      expect(() => isTransport({ "~holdfast": brand })).toThrow(/an unnamed vendor/);
    },
  );
});
