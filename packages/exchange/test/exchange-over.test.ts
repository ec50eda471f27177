import { answerOver, exchangeOver, type ExchangeOptions, type Pipe, pipePair } from "@holdfast/exchange";
import { isTransport } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { failure, url } from "./ends.ts";
import { turn } from "./mux-peer.ts";

function echo(): Pipe {
  const [near, far] = pipePair();
  answerOver(far, ({ url: { host } }) => ({ body: host }));
  return near;
}

describe("exchangeOver", () => {
  it("makes a transport of what connects", async () => {
    const asked: string[] = [];
    const transport = exchangeOver(({ origin }) => {
      asked.push(origin);
      return echo();
    });
    expect(isTransport(transport)).toBe(true);
    expect(transport.protocol).toBe("holdfast.mux.v1");
    expect(transport.capabilities).toMatchObject({ exchange: true, channel: false, multiplexed: true, duplex: true });
    for (const host of ["a.example", "b.example:81", "a.example"]) {
      const response = await transport.request({ url: `http://${host}/` });
      expect(await response.body.text()).toBe(host);
      expect(response.connection).toMatchObject({ protocol: "holdfast.mux.v1", origin: `http://${host}` });
      expect(response.connection.id).toMatch(/^mux-\d+$/);
    }
    expect(asked).toEqual(["http://a.example", "http://b.example:81"]);
    expect(await failure(transport.open({ url }))).toMatchObject({ code: "UNSUPPORTED" });
    await transport.close();
  });

  it("names the protocol as it is told", async () => {
    const transport = exchangeOver(() => Promise.reject(new Error("no")), { protocol: "pigeon" });
    expect(await failure(transport.request({ url }))).toMatchObject({ protocol: "pigeon", code: "CONNECT_FAILED" });
    await transport.close();
  });

  it.each([
    [{ nothing: 1 }, "nothing"],
    [{ maxStreams: 0 }, "maxStreams"],
    [{ maxConnections: 0 }, "maxConnections"],
    [{ windows: { streamBytes: 2 ** 25 } }, "windows.streamBytes"],
    [{ limits: { headBytes: 0 } }, "limits.headBytes"],
    [{ ping: { timeoutMs: -1 } }, "ping.timeoutMs"],
  ])("refuses %o and names the option", (options, name) => {
    expect(() => exchangeOver(echo, options as ExchangeOptions)).toThrow(name);
  });

  it.each([
    {
      what: "throws",
      connect: () => {
        throw new Error("no pipe");
      },
    },
    { what: "rejects", connect: () => Promise.reject(new Error("no pipe")) },
    { what: "gives nothing", connect: () => undefined },
    {
      what: "gives a pipe that cannot be started",
      connect: () => ({
        ...echo(),
        start: () => {
          throw new Error("no pipe");
        },
        destroy: () => {},
        send: () => {},
      }),
    },
  ])("fails the dial when connect $what", async ({ connect }) => {
    const transport = exchangeOver(connect as unknown as () => Pipe);
    expect(await failure(transport.request({ url }))).toMatchObject({ code: "CONNECT_FAILED", delivery: "not-sent" });
    await transport.destroy();
  });

  it("tells connect when nobody waits any more, and destroys a pipe that comes then", async () => {
    const { promise, resolve } = Promise.withResolvers<Pipe>();
    let given: AbortSignal | undefined;
    const transport = exchangeOver(({ signal }) => {
      given = signal;
      return promise;
    });
    const abort = new AbortController();
    const asked = failure(transport.request({ url, signal: abort.signal }));
    await turn();
    abort.abort();
    expect(await asked).toMatchObject({ code: "ABORTED", delivery: "not-sent" });
    expect(given?.aborted).toBe(true);
    let destroyed = 0;
    resolve({ start: () => {}, send: () => {}, close: () => {}, destroy: () => void destroyed++ });
    await turn();
    expect(destroyed).toBe(1);
    await transport.close();
  });

  it("lets the pipe hold the process only while something is in flight", async () => {
    const holds: boolean[] = [];
    const transport = exchangeOver(() => {
      const pipe = echo();
      return {
        start: pipe.start.bind(pipe),
        send: pipe.send.bind(pipe),
        close: pipe.close.bind(pipe),
        destroy: pipe.destroy.bind(pipe),
        hold: (alive: boolean) => void holds.push(alive),
      };
    });
    await (await transport.request({ url })).body.text();
    expect(holds).toEqual([false, true, false]);
    await transport.close();
  });
});
