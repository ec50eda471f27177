import { describe, expect, it } from "vitest";
import { catalog, type Factory } from "../src/catalog.ts";
import { StubTransport } from "./stub-transport.ts";

interface StubOptions {
  readonly label?: string;
}

function recorder(): { readonly seen: unknown[][]; readonly stub: (options?: StubOptions) => StubTransport } {
  const seen: unknown[][] = [];
  return {
    seen,
    stub: (...options) => {
      seen.push(options);
      return new StubTransport();
    },
  };
}

describe("a catalog", () => {
  const { stub } = recorder();

  it("knows its names, in the order they were written, and no others", () => {
    const transports = catalog({ b: stub, a: stub });
    expect(transports.names).toEqual(["b", "a"]);
    expect(transports.has("a")).toBe(true);
    expect(transports.has("c")).toBe(false);
  });

  it("does not change with the object or the array that were used to make and read it", () => {
    const factories: Record<string, Factory> = { a: stub };
    const transports = catalog(factories);
    factories["b"] = stub;
    expect(transports.has("b")).toBe(false);
    expect(() => (transports.names as string[]).push("c")).toThrow(TypeError);
    expect(transports.names).toEqual(["a"]);
  });

  it.each(["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", ""])(
    "does not know %j, which every object has",
    (name) => {
      const transports = catalog<Record<string, typeof stub>>({ a: stub });
      expect(transports.has(name)).toBe(false);
      expect(() => transports.create(name)).toThrow(
        new TypeError(`no transport ${JSON.stringify(name)} in this catalog; it has "a"`),
      );
    },
  );

  it("lists what it knows where a name is unknown", () => {
    const transports = catalog<Record<string, typeof stub>>({ http1: stub, http2: stub });
    expect(() => transports.create("htpp1")).toThrow(
      new TypeError('no transport "htpp1" in this catalog; it has "http1", "http2"'),
    );
  });

  it("says that it is empty if it is", () => {
    const transports = catalog<Record<string, typeof stub>>({});
    expect(transports.names).toEqual([]);
    expect(() => transports.create("a")).toThrow(/it has none/);
  });

  it("refuses an entry that is no function when it is made", () => {
    expect(() => catalog({ a: stub, wrong: {} as typeof stub })).toThrow(/"wrong" is not a factory/);
  });
});

describe("an eager entry", () => {
  it("is made at once with the options as they were given", () => {
    const { seen, stub } = recorder();
    const transports = catalog({ stub });
    const options = { label: "x" };
    const transport = transports.create("stub", options);
    expect(transport).toBeInstanceOf(StubTransport);
    expect(seen).toEqual([[options]]);
    expect(seen[0]?.[0]).toBe(options);
  });

  it("is called with no argument if none was given, and makes a new transport each time", () => {
    const { seen, stub } = recorder();
    const transports = catalog({ stub });
    expect(transports.create("stub")).not.toBe(transports.create("stub"));
    expect(seen).toEqual([[], []]);
  });

  it("throws what its factory throws", () => {
    const wrong = new TypeError("maxQueued is not a number of at least 0");
    const transports = catalog({
      stub: (): StubTransport => {
        throw wrong;
      },
    });
    expect(() => transports.create("stub")).toThrow(wrong);
  });
});

describe("a lazy entry", () => {
  it("is loaded when it is created, and not before", async () => {
    const { stub } = recorder();
    const loaded: string[] = [];
    const transports = catalog({
      a: async () => (loaded.push("a"), { stub }),
      b: async () => (loaded.push("b"), { stub }),
    });
    expect(loaded).toEqual([]);
    expect(await transports.create("b")).toBeInstanceOf(StubTransport);
    expect(loaded).toEqual(["b"]);
  });

  it("may be a promise of the factory", async () => {
    const { seen, stub } = recorder();
    const options = { label: "x" };
    expect(await catalog({ stub: async () => stub }).create("stub", options)).toBeInstanceOf(StubTransport);
    expect(seen).toEqual([[options]]);
  });

  it("may be a module whose one function is the factory, whatever else it exports", async () => {
    const { seen, stub } = recorder();
    const options = { label: "x" };
    const transports = catalog({ stub: async () => ({ version: "1.0.0", stub, defaults: {} }) });
    expect(await transports.create("stub", options)).toBeInstanceOf(StubTransport);
    expect(seen).toEqual([[options]]);
  });

  it("may be a module that has its one function under two names, as one of CommonJS has", async () => {
    const { seen, stub } = recorder();
    const transports = catalog({
      stub: async () => ({ default: stub, "module.exports": stub }) as unknown as { stub: typeof stub },
    });
    expect(await transports.create("stub")).toBeInstanceOf(StubTransport);
    expect(seen).toHaveLength(1);
  });

  it("may be a real module", async () => {
    const transports = catalog({ fixture: () => import("./fixture-adapter.ts") });
    const transport = await transports.create("fixture", { label: "from a module" });
    expect(transport.label).toBe("from a module");
  });

  it.each<[string, unknown, RegExp]>([
    ["no function", { version: 1 }, /"lazy" loaded 0 functions; expected one/],
    ["several functions", { a: () => {}, b: () => {} }, /"lazy" loaded 2 functions; expected one/],
    ["nothing", undefined, /"lazy" loaded 0 functions; expected one/],
    ["a factory that makes no transport", () => ({}), /"lazy" did not make a transport/],
  ])("rejects with plain words if it loads %s", async (_, loaded, message) => {
    const transports = catalog({ lazy: async () => loaded as () => StubTransport });
    const created = transports.create("lazy");
    await expect(created).rejects.toThrow(TypeError);
    await expect(created).rejects.toThrow(message);
  });

  it("rejects with the error of a module that cannot be loaded, and with that of its factory", async () => {
    const missing = new Error("Cannot find module");
    const wrong = new TypeError("bad option");
    const transports = catalog({
      missing: (): Promise<() => StubTransport> => Promise.reject(missing),
      wrong: async () => (): StubTransport => {
        throw wrong;
      },
    });
    await expect(transports.create("missing")).rejects.toBe(missing);
    await expect(transports.create("wrong")).rejects.toBe(wrong);
  });

  it("refuses an eager entry that makes something else", () => {
    const transports = catalog({ wrong: (() => ({})) as unknown as () => StubTransport });
    expect(() => transports.create("wrong")).toThrow('the catalog entry "wrong" did not make a transport');
  });
});
