import { setImmediate as turn } from "node:timers/promises";
import { failure } from "@holdfast/conformance/hostile";
import type { Channel, Message, Transport } from "@holdfast/transport";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { WebSocket } from "ws";
import { websocket } from "../src/index.ts";
import { subscribe, type SubscriptionOptions } from "../src/subscription.ts";
import { allOf, opcode, type RawSocket, rawSocketServer } from "./raw-socket.ts";
import { socketServer } from "./socket-server.ts";

/** No wait between channels. */
const atOnce = { minMs: 0 };
const idOf = (message: Message): string | undefined => /^(\d+):/.exec(String(message))?.[1];

/** A feed of `"1:..."`, `"2:..."`: `plan` says for each channel, by number, what is done with it. */
function feedOf(transport: Transport, url: string, options: Partial<SubscriptionOptions> = {}): AsyncIterable<Message> {
  return subscribe(transport, {
    open: (lastId) => ({ url: lastId === undefined ? url : `${url}/?after=${lastId}` }),
    idOf,
    reconnect: atOnce,
    ...options,
  });
}

/** Serves 1 to `last` behind what was asked for; `interrupt` may end the channel behind any of them. */
function feed(last: number, interrupt: (socket: WebSocket, id: number, channel: number) => boolean, overlap = 0) {
  let channels = 0;
  const asked: (string | null)[] = [];
  const serve = (socket: WebSocket, { url = "/" }: { readonly url?: string | undefined }): void => {
    const after = new URL(url, "ws://a").searchParams.get("after");
    asked.push(after);
    const channel = ++channels;
    for (let id = Math.max(1, Number(after ?? 0) + 1 - overlap); id <= last; id++) {
      socket.send(`${id}:x`);
      if (interrupt(socket, id, channel)) return;
    }
    socket.close(1_000);
  };
  return { serve, asked };
}

/** Its goodbye has come. */
async function peerHasLeft(channel: Channel): Promise<void> {
  await channel.closed;
}

function numbers(last: number): string[] {
  return Array.from({ length: last }, (_, i) => `${i + 1}:x`);
}

describe("a subscription", () => {
  it("gives what its channel brings, and ends with 1000", async () => {
    const { serve, asked } = feed(3, () => false);
    await using server = await socketServer(serve);
    await using transport = websocket();
    expect(await allOf(feedOf(transport, server.url))).toEqual(numbers(3));
    expect(asked).toEqual([null]);
    expect(transport.stats().connections.active).toBe(0);
  });

  it.each([
    ["closed with 1001", (socket: WebSocket) => socket.close(1_001)],
    ["closed without a code", (socket: WebSocket) => socket.close()],
    ["closed with 1011", (socket: WebSocket) => socket.close(1_011)],
    ["closed with 1012", (socket: WebSocket) => socket.close(1_012)],
    ["closed with 1014", (socket: WebSocket) => socket.close(1_014)],
    ["lost", (socket: WebSocket) => socket.terminate()],
  ])("goes on behind the last message, without gap or double, when its channel is %s", async (_, end) => {
    const { serve, asked } = feed(10, (socket, id, channel) => {
      if (channel > 3 || id % 3 > 0) return false;
      end(socket);
      return true;
    });
    await using server = await socketServer(serve);
    await using transport = websocket();
    expect(await allOf(feedOf(transport, server.url))).toEqual(numbers(10));
    expect(asked[0]).toBeNull();
    expect(asked).toHaveLength(4);
  });

  const starts: readonly (readonly [string, (channel: Channel) => Promise<void>])[] = [
    ["sends", async (channel) => await channel.send("more")],
    [
      "asserts what it reads",
      async (channel) => {
        for await (const message of channel) if (message === "welcome") return;
        await channel.closed;
        throw new Error("no welcome");
      },
    ],
  ];
  it.each(starts)("goes on when the peer closes with 1012 while start %s", async (_, go) => {
    let channels = 0;
    await using server = await socketServer((socket) => {
      if (++channels < 3) return socket.close(1_012);
      socket.send("welcome");
      socket.send("1:x");
      socket.close(1_000);
    });
    await using transport = websocket();
    const start: SubscriptionOptions["start"] = async (channel) => {
      if (channels < 3) await peerHasLeft(channel);
      await go(channel);
    };
    const got = await allOf(feedOf(transport, server.url, { start }));
    expect(got.filter((message) => message !== "welcome")).toEqual(["1:x"]);
    expect(channels).toBe(3);
  });

  it("fails when start does so for a reason of its own, or the peer will not have it", async () => {
    await using open = await socketServer();
    await using closing = await socketServer((socket) => socket.close(4_001, "who are you"));
    await using transport = websocket();
    const own = feedOf(transport, open.url, {
      start: () => {
        throw new Error("of its own");
      },
    });
    await expect(allOf(own)).rejects.toThrow("of its own");
    const start: SubscriptionOptions["start"] = async (channel) => {
      await peerHasLeft(channel);
      await channel.send("more");
    };
    expect(await failure(allOf(feedOf(transport, closing.url, { start })))).toMatchObject({
      cause: { code: 4_001, reason: "who are you" },
    });
  });

  it("gives nothing twice when the peer begins earlier than it was asked to", async () => {
    const { serve } = feed(
      60,
      (socket, id, channel) => {
        if (channel > 5 || id % 10 > 0) return false;
        socket.terminate();
        return true;
      },
      7,
    );
    await using server = await socketServer(serve);
    await using transport = websocket();
    expect(await allOf(feedOf(transport, server.url))).toEqual(numbers(60));
  });

  it("goes on where an earlier one had come to", async () => {
    const { serve, asked } = feed(5, () => false, 1);
    await using server = await socketServer(serve);
    await using transport = websocket();
    expect(await allOf(feedOf(transport, server.url, { lastId: "3" }))).toEqual(["4:x", "5:x"]);
    expect(asked).toEqual(["3"]);
  });

  it("asks by message where the peer wants that, and its answer is not given out", async () => {
    const asked: string[] = [];
    await using server = await socketServer((socket) => {
      socket.once("message", (data) => {
        const text = (data as Buffer).toString();
        asked.push(text);
        socket.send("welcome");
        for (let id = Number(text.slice("after ".length)) + 1; id <= 6; id++) {
          socket.send(`${id}:x`);
          if (id % 2 === 0 && id < 6) return socket.terminate();
        }
        socket.close(1_000);
      });
    });
    await using transport = websocket();
    const messages = feedOf(transport, server.url, {
      open: () => ({ url: server.url }),
      start: async (channel, lastId) => {
        await channel.send(`after ${lastId ?? 0}`);
        expect(await channel[Symbol.asyncIterator]().next()).toMatchObject({ value: "welcome" });
      },
    });
    expect(await allOf(messages)).toEqual(numbers(6));
    expect(asked).toEqual(["after 0", "after 2", "after 4"]);
  });

  it("gives messages without an id as they come", async () => {
    await using server = await socketServer((socket) => {
      for (const text of ["tick", "1:x", "tick", "tick"]) socket.send(text);
      socket.close(1_000);
    });
    await using transport = websocket();
    expect(await allOf(feedOf(transport, server.url))).toEqual(["tick", "1:x", "tick", "tick"]);
  });

  it("does nothing before it is iterated", async () => {
    await using server = await socketServer();
    await using transport = websocket();
    feedOf(transport, server.url);
    await turn();
    expect(transport.stats().connections.connecting).toBe(0);
  });

  it("that is left closes its channel", async () => {
    const closed = Promise.withResolvers<number>();
    await using server = await socketServer((socket) => {
      socket.on("close", (code) => closed.resolve(code));
      socket.send("1:x");
      socket.send("2:x");
    });
    await using transport = websocket();
    for await (const message of feedOf(transport, server.url)) {
      expect(message).toBe("1:x");
      break;
    }
    expect(await closed.promise).toBe(1_000);
    expect(transport.stats().connections.active).toBe(0);
  });

  it("that is slow slows the peer, and misses nothing", async () => {
    const total = 64;
    let written = 0;
    let writing = Promise.resolve();
    await using server = await rawSocketServer(async (socket) => {
      writing = (async () => {
        const filler = "x".repeat(2 ** 20 - 10);
        for (; written < total; written++) await socket.text(`${written}:${filler}`);
        await socket.close(1_000);
      })();
      await writing;
    });
    await using transport = websocket();
    let next = 0;
    for await (const message of feedOf(transport, server.url)) {
      if (next === 0) {
        for (let before = -1; before < written;) {
          before = written;
          for (let i = 0; i < 500; i++) await turn();
        }
        expect(written).toBeLessThan(total / 2);
      }
      expect(idOf(message)).toBe(String(next++));
    }
    expect(next).toBe(total);
  });
});

describe("a subscription fails", () => {
  it.each([
    [1_002, "PROTOCOL_ERROR"],
    [1_003, "PROTOCOL_ERROR"],
    [1_007, "PROTOCOL_ERROR"],
    [1_008, "CONNECTION_LOST"],
    [1_009, "LIMIT_EXCEEDED"],
    [1_010, "CONNECTION_LOST"],
    [3_000, "CONNECTION_LOST"],
    [4_000, "CONNECTION_LOST"],
    [4_401, "CONNECTION_LOST"],
    [4_999, "CONNECTION_LOST"],
  ])("after close %i with %s, which has the close as its cause", async (code, error) => {
    let channels = 0;
    await using server = await socketServer((socket) => {
      channels++;
      socket.send("1:x");
      socket.close(code, "why\nnot");
    });
    await using transport = websocket();
    const seen: Message[] = [];
    const failed = await failure(
      (async () => {
        for await (const message of feedOf(transport, server.url)) seen.push(message);
      })(),
    );
    expect(failed).toMatchObject({
      code: error,
      phase: "channel",
      origin: server.url,
      cause: { code, reason: "why\nnot", clean: true },
    });
    expect(failed.message).toContain(`${code} why not`);
    expect(seen).toEqual(["1:x"]);
    expect(channels).toBe(1);
  });

  it("when the upgrade is declined", async () => {
    await using server = await socketServer(() => {}, { verifyClient: () => false });
    await using transport = websocket();
    expect(await failure(allOf(feedOf(transport, server.url)))).toMatchObject({ code: "NEGOTIATION_FAILED" });
    expect(transport.stats().totals.dialsFailed).toBe(1);
  });

  it("when the peer breaks the protocol", async () => {
    await using server = await rawSocketServer(async (socket: RawSocket) => {
      await socket.text("1:x");
      await socket.send({ opcode: opcode.text, payload: "x", rsv: 4 });
      await socket.closing();
      socket.peer.fin();
    });
    await using transport = websocket();
    expect(await failure(allOf(feedOf(transport, server.url)))).toMatchObject({ code: "PROTOCOL_ERROR" });
    expect(server.peers).toHaveLength(1);
  });

  it.each(["open", "start", "idOf"] as const)("with the error of %s, its channel closed", async (which) => {
    await using server = await socketServer((socket) => socket.send("1:x"));
    await using transport = websocket();
    const thrown = new Error("mine");
    const messages = feedOf(transport, server.url, {
      [which]: () => {
        throw thrown;
      },
    });
    await expect(allOf(messages)).rejects.toBe(thrown);
    await server.idle();
  });

  it("with CLOSED when the transport is closed or destroyed under it", async () => {
    for (const end of ["close", "destroy"] as const) {
      await using server = await socketServer((socket) => socket.send("1:x"));
      const transport = websocket();
      const failed = failure(
        (async () => {
          for await (const message of feedOf(transport, server.url)) {
            expect(message).toBe("1:x");
            void transport[end]();
          }
        })(),
      );
      expect(await failed).toMatchObject({ code: "CLOSED" });
    }
  });

  it("after outageMs without a message, with the last error", async () => {
    await using transport = websocket();
    await using server = await rawSocketServer(() => {});
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const messages = feedOf(transport, url, { reconnect: { minMs: 0, outageMs: 50 } });
    expect(await failure(allOf(messages))).toMatchObject({ code: "CONNECT_FAILED" });
    expect(transport.stats().totals.dialsFailed).toBeGreaterThan(1);
  });
});

describe("a subscription that is aborted", () => {
  it("while it waits for a message fails with ABORTED, its channel gone", async () => {
    await using server = await socketServer((socket) => socket.send("1:x"));
    await using transport = websocket();
    const controller = new AbortController();
    const reason = new Error("enough");
    const failed = failure(
      (async () => {
        for await (const message of feedOf(transport, server.url, { signal: controller.signal })) {
          expect(message).toBe("1:x");
          setImmediate(() => controller.abort(reason));
        }
      })(),
    );
    expect(await failed).toMatchObject({ code: "ABORTED", cause: reason });
    await server.idle();
  });

  it("gives out nothing more, also of what has come", async () => {
    await using server = await socketServer((socket) => {
      for (const text of numbers(5)) socket.send(text);
    });
    await using transport = websocket();
    const controller = new AbortController();
    const seen: Message[] = [];
    const failed = failure(
      (async () => {
        for await (const message of feedOf(transport, server.url, { signal: controller.signal })) {
          seen.push(message);
          controller.abort();
        }
      })(),
    );
    expect(await failed).toMatchObject({ code: "ABORTED" });
    expect(seen).toEqual(["1:x"]);
  });

  it("while it waits for the next channel ends at once", async () => {
    const closed = Promise.withResolvers<void>();
    await using server = await socketServer((socket) => {
      socket.on("close", () => closed.resolve());
      socket.close(1_013);
    });
    await using transport = websocket();
    const controller = new AbortController();
    const failed = failure(
      allOf(feedOf(transport, server.url, { signal: controller.signal, reconnect: { maxMs: 1e9 } })),
    );
    await closed.promise;
    for (let i = 0; i < 50; i++) await turn();
    controller.abort("enough");
    expect(await failed).toMatchObject({ code: "ABORTED", cause: "enough" });
  });

  it("before it begins dials nothing", async () => {
    await using server = await socketServer();
    await using transport = websocket();
    const messages = feedOf(transport, server.url, { signal: AbortSignal.abort("no") });
    expect(await failure(allOf(messages))).toMatchObject({ code: "ABORTED", cause: "no" });
    expect(transport.stats().totals.connectionsOpened).toBe(0);
  });
});

describe("the wait before another channel", () => {
  /** What it waits after each of these closes, `random` being 1; `greet` is what each channel begins with. */
  async function waits(
    codes: readonly number[],
    greet: (socket: WebSocket, channel: number) => void = () => {},
    options: Partial<SubscriptionOptions> = {},
  ): Promise<number[]> {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const waited: number[] = [];
    const setTimer = globalThis.setTimeout;
    const spy = vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, ms?: number) => {
      if (!isWait(new Error().stack)) return setTimer(run, ms);
      waited.push(Math.round(ms ?? 0));
      return setTimer(run, 0);
    }) as typeof setTimeout);
    onTestFinished(() => void vi.restoreAllMocks());
    let channel = 0;
    await using server = await socketServer((socket) => {
      greet(socket, channel);
      socket.close(codes[channel++] ?? 1_000);
    });
    await using transport = websocket();
    await allOf(feedOf(transport, server.url, { reconnect: {}, ...options }));
    spy.mockRestore();
    return waited;
  }

  function isWait(stack: string | undefined): boolean {
    return /\bpause\b.*subscription/.test(stack ?? "");
  }

  it("has a bound that grows with each in a row, and is the longest at once after 1013", async () => {
    expect(await waits([1_001, 1_012, 1_011, 1_013, 1_001])).toEqual([100, 160, 256, 30_000, 655]);
  });

  it("is that after a first failure when the channel has brought a message with a new id", async () => {
    const greet = (socket: WebSocket, channel: number): void => socket.send(`${channel}:x`);
    expect(await waits([1_001, 1_012, 1_011], greet)).toEqual([100, 100, 100]);
  });

  it("grows behind messages that only greet, or that came before", async () => {
    const greet = (socket: WebSocket): void => {
      socket.send("welcome");
      socket.send("1:x");
    };
    expect(await waits([1_001, 1_001, 1_001], greet)).toEqual([100, 160, 256]);
  });

  it("is that after a first failure behind any message where messages have no ids", async () => {
    const greet = (socket: WebSocket): void => socket.send("x");
    expect(await waits([1_001, 1_001], greet, { idOf: undefined } as never)).toEqual([100, 100]);
  });
});

describe("subscribe()", () => {
  it.each([
    [{ open: 1 }, /^open is not a function/],
    [{ open: () => ({ url: "ws://a" }), start: 1 }, /^start is not/],
    [{ open: () => ({ url: "ws://a" }), idOf: 1 }, /^idOf is not/],
    [{ open: () => ({ url: "ws://a" }), lastId: 1 }, /^lastId is not/],
    [{ open: () => ({ url: "ws://a" }), signal: {} }, /^signal is not/],
    [{ open: () => ({ url: "ws://a" }), reconnect: { minMs: -1 } }, /^reconnect\.minMs/],
    [{ open: () => ({ url: "ws://a" }), reconnect: { outageMs: -1 } }, /^reconnect\.outageMs/],
    [{ open: () => ({ url: "ws://a" }), other: 1 }, /no option "other"/],
  ])("refuses %j", async (options, words) => {
    await using transport = websocket();
    expect(() => subscribe(transport, options as never)).toThrow(words);
  });

  it("refuses what is no transport", () => {
    expect(() => subscribe({} as never, { open: () => ({ url: "ws://a" }) })).toThrow(TypeError);
  });
});
