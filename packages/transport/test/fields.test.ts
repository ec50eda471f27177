import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fieldText, fieldValues, noFields, toFields } from "../src/fields.ts";

const trickyNames = ["__proto__", "constructor", "__definegetter__", "set-cookie"];
const name = fc.oneof(fc.constantFrom(...trickyNames), fc.stringMatching(/^[a-z0-9!#$%&'*+.^_`|~-]{1,8}$/));
const pairs = fc.array(fc.tuple(name, fc.string({ maxLength: 5 })), { maxLength: 20 });

describe("toFields", () => {
  it("keeps every value of every name in the order of the wire, whatever the name", () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const fields = toFields(list);
        const expected = new Map<string, string[]>();
        for (const [key, value] of list) expected.set(key, [...(expected.get(key) ?? []), value]);
        expect(Object.keys(fields).toSorted()).toEqual([...expected.keys()].toSorted());
        for (const [key, values] of expected) expect(fieldValues(fields, key)).toEqual(values);
      }),
    );
  });

  it("makes an array exactly of several values, and always of set-cookie", () => {
    fc.assert(
      fc.property(pairs, (list) => {
        for (const [key, value] of Object.entries(toFields(list))) {
          const count = list.filter(([other]) => other === key).length;
          expect(Array.isArray(value)).toBe(count > 1 || key === "set-cookie");
        }
      }),
    );
  });

  it("returns an object without a prototype, and pollutes none", () => {
    const fields = toFields([
      ["__proto__", "polluted"],
      ["Constructor", "c"],
    ]);
    expect(Object.getPrototypeOf(fields)).toBeNull();
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(Object.entries(fields)).toEqual([
      ["__proto__", "polluted"],
      ["constructor", "c"],
    ]);
    expect(fields["toString"]).toBeUndefined();
  });

  it("gathers names of different case under the lower one", () => {
    expect({
      ...toFields([
        ["Accept", "a"],
        ["ACCEPT", "b"],
        ["accept", "c"],
      ]),
    }).toEqual({ accept: ["a", "b", "c"] });
  });

  it("keeps an empty value, beside others too", () => {
    expect({
      ...toFields([
        ["a", ""],
        ["b", ""],
        ["b", "1"],
      ]),
    }).toEqual({ a: "", b: ["", "1"] });
  });
});

describe("fieldValues and fieldText", () => {
  const fields = toFields([
    ["one", "1"],
    ["two", "a"],
    ["two", "b"],
    ["empty", ""],
    ["set-cookie", "c=1"],
  ]);

  it("read a single value", () => {
    expect(fieldValues(fields, "one")).toEqual(["1"]);
    expect(fieldText(fields, "one")).toBe("1");
  });

  it("read several values, as text joined by a comma", () => {
    expect(fieldValues(fields, "two")).toEqual(["a", "b"]);
    expect(fieldText(fields, "two")).toBe("a, b");
  });

  it("tell an empty value from an absent one", () => {
    expect(fieldText(fields, "empty")).toBe("");
    expect(fieldValues(fields, "empty")).toEqual([""]);
    expect(fieldText(fields, "absent")).toBeUndefined();
    expect(fieldValues(fields, "absent")).toEqual([]);
  });

  it.each(["__proto__", "constructor", "toString"])("find no %s where the peer sent none", (key) => {
    expect(fieldValues(fields, key)).toEqual([]);
    expect(fieldText(fields, key)).toBeUndefined();
    expect(fieldText(noFields, key)).toBeUndefined();
  });
});

describe("noFields", () => {
  it("is empty, without a prototype, and stays so", () => {
    expect(Object.keys(noFields)).toEqual([]);
    expect(Object.getPrototypeOf(noFields)).toBeNull();
    expect(() => {
      (noFields as Record<string, string>)["a"] = "b";
    }).toThrow(TypeError);
  });
});
