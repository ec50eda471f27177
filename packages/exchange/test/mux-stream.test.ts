import { answerOver, exchangeOver, muxCode, pipePair, type ServedRequest } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { answering, asking, outcome, url } from "./ends.ts";
import { turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;
const mebibyte = 2 ** 20;

describe("credit of a stream", () => {
  it("that is overrun resets that stream alone, at the answering end", async () => {
    const requests: ServedRequest[] = [];
    const { peer } = answering(
      (request) => {
        requests.push(request);
        return request.method === "POST" ? new Promise(() => {}) : { body: "ok" };
      },
      { windows: { streamBytes: 2 ** 17 } },
    );
    peer.send(wire.ask(1, 0, [], "/", "POST"));
    // Nobody reads: the window is never given back.
    for (let i = 0; i < 8; i++) peer.send(wire.data(1, 16_384));
    await peer.quiet();
    expect(peer.of(type.reset)).toEqual([]);
    peer.send(wire.data(1, 1));
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.flowControl);
    expect(requests[0]?.signal.aborted).toBe(true);
    peer.send(wire.data(1, "late"), wire.ask(3));
    await peer.next(type.data, 3);
    peer.close();
  });

  it("that is overrun resets that stream alone, at the asking end", async () => {
    const { transport, peer } = asking({ windows: { streamBytes: 2 ** 17 } });
    const paused = transport.request({ url });
    await until("it is asked", () => peer().of(type.headers).length === 1);
    peer().send(wire.answer(1, 0));
    const response = await paused;
    for (let i = 0; i < 8; i++) peer().send(wire.data(1, 16_384));
    await peer().quiet();
    expect(peer().of(type.window)).toEqual([]);
    peer().send(wire.data(1, 1));
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.flowControl);
    await expect(response.body.bytes()).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    await transport.close();
  });

  it("beyond 2^31-1 resets that stream alone", async () => {
    const { peer } = answering(({ method }) => (method === "POST" ? new Promise(() => {}) : { body: "ok" }));
    peer.send(wire.ask(1, 0, [], "/", "POST"), wire.window(1, 2 ** 31 - 65_536), wire.ask(3));
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.flowControl);
    await peer.next(type.data, 3);
    peer.close();
  });

  it("up to 2^31-1 is fine, for a stream and for a connection", async () => {
    const { peer } = answering(() => ({ body: Buffer.alloc(100_000) }));
    peer.send(wire.ask(1), wire.window(1, 2 ** 31 - 1 - 65_536), wire.window(0, 2 ** 31 - 1 - 65_536));
    await until("all has come", () => peer.bytes(1) === 100_000);
    peer.close();
  });

  it("comes back when half of the window was read, and not before", async () => {
    let request: ServedRequest | undefined;
    const { peer } = answering(
      (asked) => {
        request = asked;
        return new Promise(() => {});
      },
      { windows: { streamBytes: 2 ** 17 } },
    );
    peer.send(wire.ask(1, 0, [], "/", "POST"));
    for (let i = 0; i < 8; i++) peer.send(wire.data(1, 16_384));
    await peer.quiet();
    const chunks = (request as ServedRequest).body[Symbol.asyncIterator]();
    let read = 0;
    // Its buffer keeps 64 KiB ready, and asks for more when a quarter of that is left.
    while (read < 2 ** 17 - 16_384) {
      await peer.quiet();
      expect(peer.of(type.window, 1)).toEqual([]);
      read += (await chunks.next()).value?.byteLength ?? 0;
    }
    await peer.quiet();
    expect(peer.of(type.window, 1).map(({ payload }) => payload.readUInt32BE())).toEqual([2 ** 17]);
    peer.destroy();
  });

  it("comes back no more once the peer has said all", async () => {
    const { peer } = answering(async ({ body }) => ({ body: String((await body.bytes()).byteLength) }), {
      windows: { streamBytes: 2 ** 17 },
    });
    peer.send(wire.ask(1, 0, [], "/", "POST"));
    for (let i = 0; i < 3; i++) peer.send(wire.data(1, 16_384));
    peer.send(wire.data(1, 16_384, end));
    expect((await peer.next(type.data, 1)).payload.toString()).toBe("65536");
    expect(peer.of(type.window, 1)).toHaveLength(1);
    peer.close();
  });
});

describe("credit of a connection", () => {
  const options = { windows: { streamBytes: mebibyte, connectionBytes: 2 ** 17 } };
  const opened = [1, 3, 5].map((id) => wire.ask(id, 0, [], "/", "POST"));
  const full = Array.from({ length: 8 }, (_, i) => wire.data(2 * (i % 3) + 1, 16_384));

  it("can be used to the last octet", async () => {
    const { peer } = answering(() => new Promise(() => {}), options);
    peer.send(...opened, ...full);
    await peer.quiet();
    expect(peer.ending).toBeUndefined();
    peer.close();
  });

  it("that is overrun ends the connection", async () => {
    const { peer } = answering(() => new Promise(() => {}), options);
    peer.send(...opened, ...full, wire.data(1, 1));
    expect(await peer.violation()).toMatchObject({ code: muxCode.flowControl, closed: true });
  });

  it("comes back on arrival, so that a stream that nobody reads stops no other", async () => {
    const { peer } = answering(async ({ method, body }) => {
      if (method === "PUT") return await new Promise(() => {});
      return { body: String((await body.bytes()).byteLength) };
    }, options);
    peer.send(wire.ask(1, 0, [], "/", "PUT"), wire.ask(3, 0, [], "/", "POST"));
    for (let i = 0; i < 64; i++) peer.send(wire.data(1, 16_384));
    for (let i = 0; i < 32; i++) peer.send(wire.data(3, 16_384));
    peer.send(wire.data(3, "", end));
    expect((await peer.next(type.data, 3)).payload.toString()).toBe("524288");
    expect(peer.of(type.window, 1)).toEqual([]);
    const back = peer.of(type.window, 0).map(({ payload }) => payload.readUInt32BE());
    expect(back).toEqual(Array.from({ length: 24 }, () => 2 ** 16));
    peer.close();
  });

  it("comes back for streams that were reset, too", async () => {
    const { peer } = answering(() => ({ body: "" }), options);
    peer.send(wire.ask(1, 0, [], "/", "POST"));
    await peer.next(type.reset, 1);
    for (let i = 0; i < 64; i++) peer.send(wire.data(1, 16_384));
    await peer.quiet();
    expect(peer.of(type.window, 0)).toHaveLength(16);
    peer.close();
  });
});

describe("a reader that stands still", () => {
  it("holds exactly its window, while another stream of the connection moves 100 MiB", async () => {
    const total = 100 * mebibyte;
    let stalledSent = 0;
    const [near, far] = pipePair();
    const answers = answerOver(far, ({ url: { pathname } }) => ({
      body: (async function* () {
        const chunk = Buffer.alloc(65_536);
        for (let sent = 0; sent < total; sent += chunk.byteLength) {
          if (pathname === "/stalled") stalledSent = sent + chunk.byteLength;
          yield chunk;
        }
      })(),
    }));
    let arrived = 0;
    const transport = exchangeOver(() => ({
      start: (listener) =>
        near.start({
          message: (message) => {
            for (const frame of wire.readWire(message as Uint8Array)) {
              if (frame.type === type.data && frame.stream === 1) arrived += frame.payload.byteLength;
            }
            listener.message(message);
          },
          closed: (error) => listener.closed(error),
        }),
      send: near.send.bind(near),
      close: near.close.bind(near),
      destroy: near.destroy.bind(near),
    }));
    const stalled = await transport.request({ url: `${url}stalled` });
    const moving = await transport.request({ url: `${url}moving` });
    let moved = 0;
    for await (const chunk of moving.body) moved += chunk.byteLength;
    expect(moved).toBe(total);
    expect(arrived).toBe(mebibyte);
    // What its sender keeps ready is bounded too.
    expect(stalledSent).toBeLessThanOrEqual(mebibyte + 3 * 65_536);
    let rest = 0;
    for await (const chunk of stalled.body) rest += chunk.byteLength;
    expect(rest).toBe(total);
    await transport.close();
    await answers.closed;
  }, 60_000);

  it("makes the sender of a request wait as well", async () => {
    const [near, far] = pipePair();
    const { promise: go, resolve: start } = Promise.withResolvers<void>();
    const answers = answerOver(far, async ({ body }) => {
      await go;
      let bytes = 0;
      for await (const chunk of body) bytes += chunk.byteLength;
      return { body: String(bytes) };
    });
    const transport = exchangeOver(() => near);
    let sent = 0;
    const asked = outcome(transport, {
      method: "POST",
      body: (async function* () {
        for (let i = 0; i < 160; i++) {
          sent += 65_536;
          yield Buffer.alloc(65_536);
        }
      })(),
    });
    let last = -1;
    for (let same = 0; same < 50; same++) {
      await turn();
      if (sent !== last) same = 0;
      last = sent;
    }
    expect(sent).toBeLessThanOrEqual(mebibyte + 3 * 65_536);
    expect(sent).toBeGreaterThanOrEqual(mebibyte);
    start();
    await asked.done;
    expect(asked.text).toBe(String(160 * 65_536));
    await transport.close();
    await answers.closed;
  });
});
