import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { namesOf } from "../src/names.ts";
import { UsageError } from "../src/usage-error.ts";

describe("the names of an adapter", () => {
  it("follow from the name of its folder", () => {
    expect(namesOf("json-lines")).toEqual({
      protocol: "json-lines",
      factory: "jsonLines",
      type: "JsonLines",
      packageName: "holdfast-adapter-json-lines",
    });
  });

  it("leave out what every adapter's package begins with", () => {
    expect(namesOf("holdfast-adapter-wire")).toEqual(namesOf("wire"));
  });

  it("may have a package of any other name", () => {
    expect(namesOf("wire", "@me/wire.v2")).toEqual({ ...namesOf("wire"), packageName: "@me/wire.v2" });
  });

  it("are identifiers and a package, whatever name passes", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,3}$/);
    const passing = name.filter((one) => {
      try {
        return namesOf(one) !== undefined;
      } catch {
        return false;
      }
    });
    fc.assert(
      fc.property(passing, (one) => {
        const { factory, type, packageName } = namesOf(one);
        expect(factory).toMatch(/^[a-z][A-Za-z0-9]*$/);
        expect(type).toMatch(/^[A-Z][A-Za-z0-9]*$/);
        expect(packageName).toMatch(/^holdfast-adapter-[a-z0-9-]+$/);
      }),
    );
  });

  it.each(["", "Wire", "1wire", "wire_", "-wire", "wire-", "wire--two", "wi re", "wïre", "..", "holdfast-adapter-"])(
    "cannot come from %j",
    (name) => {
      expect(() => namesOf(name)).toThrow(/is no name for an adapter/);
    },
  );

  it.each(["http1", "http2", "h2", "websocket", "memory"])("cannot be that of Holdfast's own %s", (name) => {
    expect(() => namesOf(name)).toThrow(`The name ${name} is taken by Holdfast itself; take another.`);
  });

  it("cannot be a word of JavaScript", () => {
    for (const name of ["class", "new", "holdfast-adapter-enum"]) expect(() => namesOf(name)).toThrow(UsageError);
  });

  it.each(["", "UPPER", ".hidden", "a b", "@scope", "@scope/", "a/b", `a${"a".repeat(214)}`])(
    "make no package %j",
    (packageName) => {
      expect(() => namesOf("wire", packageName)).toThrow(/is no name for a package on npm/);
    },
  );

  it("make no package of Holdfast's own", () => {
    expect(() => namesOf("wire", "@holdfast/wire")).toThrow(UsageError);
  });
});
