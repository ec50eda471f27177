import { describe, expectTypeOf, it } from "vitest";
import {
  catalog,
  isTransport,
  isTransportError,
  stack,
  wrap,
  type Capabilities,
  type Channel,
  type Fields,
  type Layer,
  type Message,
  type Protocol,
  type Transport,
  type TransportErrorCode,
  type TransportRequest,
  type TransportResponse,
} from "../src/index.ts";

declare const transport: Transport;
declare const response: TransportResponse;
declare const channel: Channel;
declare const layer: Layer;
declare const name: string;
declare const strings: AsyncIterable<string>;

interface TcpOptions {
  readonly maxConnections?: number;
}
interface PigeonOptions {
  readonly loft: string;
}
interface Pigeon extends Transport {
  readonly feathers: number;
}
declare function tcp(options?: TcpOptions): Transport;
declare function pigeon(options: PigeonOptions): Pigeon;
declare function handled(handler: (path: string) => string, options?: TcpOptions): Transport;

describe("a protocol", () => {
  it("is any string, the ones that ship among them", () => {
    expectTypeOf<"http/1.1" | "h2" | "h3" | "websocket" | "memory">().toExtend<Protocol>();
    expectTypeOf<"pigeon">().toExtend<Protocol>();
    expectTypeOf<string>().toExtend<Protocol>();
    // @ts-expect-error a number is none
    const wrong: Protocol = 2;
    void wrong;
  });
});

describe("a catalog", () => {
  const transports = catalog({ tcp, pigeon, handled });

  it("types the options of each name, a third party's too, and what each makes", () => {
    expectTypeOf(transports.names).toEqualTypeOf<readonly ("tcp" | "pigeon" | "handled")[]>();
    expectTypeOf(transports.create("tcp")).toEqualTypeOf<Transport>();
    expectTypeOf(transports.create("tcp", { maxConnections: 1 })).toEqualTypeOf<Transport>();
    expectTypeOf(transports.create("pigeon", { loft: "x" })).toEqualTypeOf<Pigeon>();
    expectTypeOf(transports.create("handled", (path) => path.toUpperCase(), {})).toEqualTypeOf<Transport>();
  });

  it("refuses an unknown name and options that are not of the name", () => {
    expectTypeOf(transports.create("tcp", { maxConnections: 1 })).toEqualTypeOf<Transport>();
    // @ts-expect-error unknown name
    transports.create("htpp1");
    // @ts-expect-error a string that was not asked about
    transports.create(name);
    // @ts-expect-error options of another
    transports.create("tcp", { loft: "x" });
    // @ts-expect-error misspelt option
    transports.create("tcp", { maxConnection: 1 });
    // @ts-expect-error wrong type
    transports.create("tcp", { maxConnections: "1" });
    // @ts-expect-error required options left out
    transports.create("pigeon");
    // @ts-expect-error required handler left out
    transports.create("handled");
    // @ts-expect-error one argument too many
    transports.create("tcp", {}, {});
  });

  it("takes a name of run time after has()", () => {
    const plain = catalog({ tcp, other: tcp });
    if (plain.has(name)) {
      expectTypeOf(name).toEqualTypeOf<"tcp" | "other">();
      expectTypeOf(plain.create(name, { maxConnections: 1 })).toEqualTypeOf<Transport>();
    }
  });

  it("cannot be changed", () => {
    expectTypeOf(transports.has(name)).toBeBoolean();
    // @ts-expect-error read-only
    transports.names = [];
    // @ts-expect-error read-only
    transports.names.push("tcp");
  });

  it("holds only factories of transports", () => {
    expectTypeOf(catalog).toBeCallableWith({ tcp: () => transport });
    // @ts-expect-error a transport is no factory
    catalog({ tcp: transport });
    // @ts-expect-error makes no transport
    catalog({ wrong: () => 5 });
    // @ts-expect-error the name of a package is no factory
    catalog({ tcp: "@holdfast/http1" });
  });
});

describe("a lazy catalog entry", () => {
  const transports = catalog({
    tcp,
    pigeon: async () => pigeon,
    module: async () => ({ pigeon, version: "1.0.0" }),
    imported: () => import("./fixture-adapter.ts"),
  });

  it("makes a promise of its transport, with the options typed", () => {
    expectTypeOf(transports.create("tcp")).toEqualTypeOf<Transport>();
    expectTypeOf(transports.create("pigeon", { loft: "x" })).toEqualTypeOf<Promise<Pigeon>>();
    expectTypeOf(transports.create("module", { loft: "x" })).toEqualTypeOf<Promise<Pigeon>>();
    expectTypeOf(transports.create("imported", { label: "x" })).resolves.toHaveProperty("label");
  });

  it("is not a transport before it is awaited", async () => {
    // @ts-expect-error not awaited
    void transports.create("pigeon", { loft: "x" }).request({ url: "https://a.example/" });
    // @ts-expect-error not awaited
    stack(transports.create("module", { loft: "x" }));
    expectTypeOf(await transports.create("pigeon", { loft: "x" })).toEqualTypeOf<Pigeon>();
  });

  it("refuses options that are not of the name", () => {
    expectTypeOf(transports.create("pigeon", { loft: "x" })).toEqualTypeOf<Promise<Pigeon>>();
    // @ts-expect-error required options left out
    void transports.create("pigeon");
    // @ts-expect-error misspelt option
    void transports.create("module", { lof: "x" });
    // @ts-expect-error wrong type
    void transports.create("imported", { label: 1 });
  });
});

describe("a stack", () => {
  it("is any number of layers on one transport", () => {
    expectTypeOf(stack(transport)).toEqualTypeOf<Transport>();
    expectTypeOf(stack(layer, (next) => wrap(next, {}), transport)).toEqualTypeOf<Transport>();
  });

  it("does not end in a layer, hold two transports, or stand on nothing", () => {
    expectTypeOf(stack).toBeCallableWith(layer, transport);
    // @ts-expect-error nothing
    stack();
    // @ts-expect-error the last part is a layer
    stack(transport, layer);
    // @ts-expect-error layers only
    stack(layer, layer);
    // @ts-expect-error two transports
    stack(transport, transport);
    // @ts-expect-error a factory is not yet a transport
    stack(layer, tcp);
    // @ts-expect-error a layer returns a transport
    stack(() => undefined, transport);
  });
});

describe("wrap", () => {
  it("types its overrides", () => {
    wrap(transport, { request: (request) => transport.request({ ...request, deadlineMs: 5 }) });
    expectTypeOf(wrap(transport, {})).toEqualTypeOf<Transport>();
    // @ts-expect-error misspelt member
    wrap(transport, { requests: () => Promise.resolve(response) });
    // @ts-expect-error not a response
    wrap(transport, { request: async () => new Response() });
  });
});

describe("a request", () => {
  const url = "https://a.example/";

  it("is a URL and whatever else is known", () => {
    expectTypeOf<{ url: URL }>().toExtend<TransportRequest>();
    void transport.request({
      url,
      method: "PURGE",
      headers: { accept: ["a", "b"] },
      body: null,
      timeouts: { headMs: Infinity },
    });
    void transport.request({ url, body: (): AsyncIterable<Uint8Array> => response.body });
    void transport.request({ url, body: response.body.stream() });
    void transport.request({ url, body: response.body });
    void transport.request({ url, body: Buffer.from("x") });
  });

  it("refuses what cannot be sent", () => {
    expectTypeOf(transport.request({ url })).toEqualTypeOf<Promise<TransportResponse>>();
    // @ts-expect-error no URL
    void transport.request({});
    // @ts-expect-error a bare URL is no request
    void transport.request(url);
    // @ts-expect-error misspelt timeout
    void transport.request({ url, timeouts: { headersMs: 5 } });
    // @ts-expect-error durations are numbers
    void transport.request({ url, timeouts: { headMs: "5s" } });
    // @ts-expect-error misspelt member
    void transport.request({ url, deadline: 5 });
    // @ts-expect-error a number is no field value
    void transport.request({ url, headers: { "content-length": 5 } });
    // @ts-expect-error undefined is no field value
    void transport.request({ url, headers: { accept: undefined } });
    // @ts-expect-error a Headers object is not fields
    void transport.request({ url, headers: new Headers() });
    // @ts-expect-error a Map is not fields
    void transport.request({ url, headers: new Map([["a", "b"]]) });
    // @ts-expect-error an object is not a body
    void transport.request({ url, body: { a: 1 } });
    // @ts-expect-error strings are not chunks
    void transport.request({ url, body: strings });
    // @ts-expect-error a function makes an async iterable
    void transport.request({ url, body: () => "x" });
    // @ts-expect-error trailers come from a function
    void transport.request({ url, trailers: { a: "1" } });
    // @ts-expect-error a controller is not its signal
    void transport.request({ url, signal: new AbortController() });
  });
});

describe("a response", () => {
  it("is read-only", () => {
    expectTypeOf(response.status).toBeNumber();
    // @ts-expect-error read-only
    response.trailers = Promise.resolve({});
    // @ts-expect-error read-only
    response.status = 200;
    // @ts-expect-error read-only
    response.headers["a"] = "b";
    // @ts-expect-error read-only
    response.timings.end = 5;
    // @ts-expect-error read-only
    response.body.used = false;
  });

  it("has fields that may be one or several, and JSON that must be checked", async () => {
    expectTypeOf(response.headers["a"]).toEqualTypeOf<string | readonly string[] | undefined>();
    expectTypeOf(response.trailers).resolves.toEqualTypeOf<Fields>();
    expectTypeOf(await response.body.json()).toBeUnknown();
    expectTypeOf(response.timings.end).toEqualTypeOf<number | undefined>();
    // @ts-expect-error misspelt option
    void response.body.bytes({ maxByte: 5 });
  });

  it("can be disposed, as its body can", async () => {
    await using disposed = response;
    await using body = disposed.body;
    for await (const chunk of body) expectTypeOf(chunk).toExtend<Uint8Array>();
  });
});

describe("a channel", () => {
  it("takes and gives messages of text or bytes", async () => {
    for await (const message of channel) expectTypeOf(message).toEqualTypeOf<Message>();
    void channel.send(new Uint8Array(1));
    // @ts-expect-error an object is no message
    void channel.send({ a: 1 });
    // @ts-expect-error covers opening only; a channel has no deadline
    void transport.open({ url: "wss://a.example/", deadlineMs: 5 });
  });
});

describe("a transport", () => {
  it("has every member, so that a layer can forward what it does not know", () => {
    expectTypeOf<Required<Transport>>().toEqualTypeOf<Transport>();
    expectTypeOf<Required<Capabilities>>().toEqualTypeOf<Capabilities>();
    // @ts-expect-error warm and others are missing
    const partial: Transport = { protocol: "x", capabilities: transport.capabilities, stats: () => transport.stats() };
    void partial;
    const { push: _, ...rest } = transport.capabilities;
    // @ts-expect-error a capability is missing
    const capabilities: Capabilities = rest;
    void capabilities;
  });
});

describe("guards", () => {
  it("narrow what is unknown", () => {
    const value: unknown = undefined;
    if (isTransport(value)) expectTypeOf(value).toEqualTypeOf<Transport>();
    if (isTransportError(value)) {
      expectTypeOf(value.code).toEqualTypeOf<TransportErrorCode>();
      expectTypeOf(value.replaySafe).toBeBoolean();
      // @ts-expect-error no such code
      void (value.code === "ECONNRESET");
      // @ts-expect-error read-only
      value.delivery = "not-sent";
    }
  });
});
