import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stack, wrap, type Layer } from "../src/layer.ts";
import type { Capabilities, Transport } from "../src/transport.ts";
import { StubTransport, stubCapabilities } from "./stub-transport.ts";

/** A layer that writes its name to `log` on the way in and on the way out. */
function named(name: string, log: string[]): Layer {
  return (next) =>
    wrap(next, {
      async request(request) {
        log.push(`> ${name}`);
        const response = await next.request(request);
        log.push(`< ${name}`);
        return response;
      },
    });
}

describe("stack", () => {
  it("lets the request travel left to right and the response back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ maxLength: 3 }), { maxLength: 8 }), async (names) => {
        const log: string[] = [];
        const transport = new StubTransport();
        const layers = names.map((name) => named(name, log));
        const response = await stack(...layers, transport).request({ url: "https://a.example/" });
        expect(response).toBe(transport.response);
        expect(log).toEqual([...names.map((name) => `> ${name}`), ...names.toReversed().map((name) => `< ${name}`)]);
        expect(transport.calls).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });

  it("of a transport alone is that transport", () => {
    const transport = new StubTransport();
    expect(stack(transport)).toBe(transport);
  });

  it("can stand inside a stack", async () => {
    const log: string[] = [];
    const inner = stack(named("b", log), new StubTransport());
    await stack(named("a", log), inner).request({ url: "https://a.example/" });
    expect(log).toEqual(["> a", "> b", "< b", "< a"]);
  });

  it("calls each layer once, however many requests there are", async () => {
    let made = 0;
    const transport = stack((next) => {
      made += 1;
      return next;
    }, new StubTransport());
    await transport.request({ url: "https://a.example/1" });
    await transport.request({ url: "https://a.example/2" });
    expect(made).toBe(1);
  });

  const pass: Layer = (next) => next;
  it.each<[string, unknown[], RegExp]>([
    ["nothing", [], /last part/],
    ["layers only", [pass, pass], /last part/],
    ["a transport that is not last", [new StubTransport(), pass], /last part/],
    ["two transports", [new StubTransport(), new StubTransport()], /part 1 .*not a layer/],
    ["no layer at its second part", [pass, {}, new StubTransport()], /part 2 .*not a layer/],
    ["a layer that forgets to return", [pass, () => {}, new StubTransport()], /part 2 .*did not return a transport/],
  ])("refuses %s and says which part is wrong", (_, parts, message) => {
    const build = (): Transport => stack(...(parts as [Transport]));
    expect(build).toThrow(TypeError);
    expect(build).toThrow(message);
  });

  it("refuses a transport of another contract version", () => {
    const future = { "~holdfast": { version: 2, vendor: "stranger" } } as unknown as Transport;
    expect(() => stack(future)).toThrow(/version 2/);
  });
});

describe("wrap", () => {
  it("forwards every member with its arguments to a class instance that uses its this", async () => {
    const next = new StubTransport();
    const wrapped = wrap(next, {});
    const request = { url: "https://a.example/" };
    const channelRequest = { url: "wss://a.example/" };
    const warmOptions = { connections: 2 };
    const closeOptions = { deadlineMs: 5 };
    const reason = new Error("enough");
    expect(await wrapped.request(request)).toBe(next.response);
    await expect(wrapped.open(channelRequest)).rejects.toThrow("the stub opens nothing");
    await wrapped.warm("https://a.example", warmOptions);
    wrapped.stats();
    await wrapped.close(closeOptions);
    await wrapped.destroy(reason);
    expect(next.calls).toEqual([
      ["request", request],
      ["open", channelRequest],
      ["warm", "https://a.example", warmOptions],
      ["stats"],
      ["close", closeOptions],
      ["destroy", reason],
    ]);
    expect(wrapped.protocol).toBe("stub");
    expect(wrapped.capabilities).toBe(stubCapabilities);
    expect(wrapped["~holdfast"]).toEqual(next["~holdfast"]);
  });

  it("uses each override in place of the member", async () => {
    const next = new StubTransport();
    const used: string[] = [];
    const note = (name: string) => async (): Promise<never> => {
      used.push(name);
      return undefined as never;
    };
    const wrapped = wrap(next, {
      request: note("request"),
      open: note("open"),
      warm: note("warm"),
      stats: () => void used.push("stats") as never,
      close: note("close"),
      destroy: note("destroy"),
      [Symbol.asyncDispose]: note("dispose"),
    });
    await wrapped.request({ url: "https://a.example/" });
    await wrapped.open({ url: "https://a.example/" });
    await wrapped.warm("https://a.example");
    wrapped.stats();
    await wrapped.close();
    await wrapped.destroy();
    await wrapped[Symbol.asyncDispose]();
    expect(used).toEqual(["request", "open", "warm", "stats", "close", "destroy", "dispose"]);
    expect(next.calls).toEqual([]);
  });

  it("has every member that its transport has, so that a layer above can forward it", () => {
    const next = new StubTransport();
    const wrapped = wrap(wrap(next, {}), {});
    const members = [
      "~holdfast",
      "protocol",
      "capabilities",
      "request",
      "open",
      "warm",
      "stats",
      "close",
      "destroy",
    ] as const;
    const typesOf = (transport: Transport): string[] =>
      [...members, Symbol.asyncDispose].map((member) => typeof transport[member as keyof Transport]);
    expect(typesOf(wrapped)).toEqual(typesOf(next));
  });

  it("closes through the override of close when it is disposed", async () => {
    const next = new StubTransport();
    const order: string[] = [];
    {
      await using wrapped = wrap(next, {
        async close(options) {
          order.push("mine");
          await next.close(options);
        },
      });
      await wrapped.request({ url: "https://a.example/" });
    }
    expect(order).toEqual(["mine"]);
    expect(next.calls.map(([member]) => member)).toEqual(["request", "close"]);
  });

  it("closes its transport when it is disposed, through any number of layers", async () => {
    const next = new StubTransport();
    await wrap(wrap(next, {}), {})[Symbol.asyncDispose]();
    expect(next.calls.map(([member]) => member)).toEqual(["close"]);
  });

  it("calls an overriding method with its this, also when it is disposed", async () => {
    const next = new StubTransport();
    const wrapped = wrap(next, {
      async close(this: Transport) {
        await this.destroy("closed by the override");
      },
    });
    await wrapped.close();
    await wrapped[Symbol.asyncDispose]();
    expect(next.calls).toEqual([
      ["destroy", "closed by the override"],
      ["destroy", "closed by the override"],
    ]);
  });

  it("says the same in its brand where protocol or capabilities are overridden", () => {
    const next = new StubTransport();
    const capabilities: Capabilities = { ...stubCapabilities, channel: true };
    const wrapped = wrap(next, { protocol: "other", capabilities });
    expect(wrapped.protocol).toBe("other");
    expect(wrapped["~holdfast"]).toEqual({ version: 1, vendor: "stub", protocol: "other", capabilities });
    expect(next["~holdfast"]).toEqual({ version: 1, vendor: "stub", protocol: "stub", capabilities: stubCapabilities });
  });

  it("carries the brand that is given", () => {
    const brand = { version: 1, vendor: "me", protocol: "stub", capabilities: stubCapabilities } as const;
    expect(wrap(new StubTransport(), { "~holdfast": brand })["~holdfast"]).toBe(brand);
  });
});
