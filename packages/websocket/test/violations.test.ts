/** What RFC 6455 forbids, and floods of what it allows, sent byte for byte: to our client, and to a server as ours is. */
import { answerOver, muxSubprotocol, SocketChannel, socketPipe } from "@holdfast/exchange";
import { failure } from "@holdfast/conformance/hostile";
import type { TransportErrorCode } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import type { ServerOptions } from "ws";
import { socketFailure } from "../src/errors.ts";
import { websocket } from "../src/index.ts";
import {
  allOf,
  closePayload,
  opcode,
  type RawSocket,
  rawSocketClient,
  rawSocketServer,
  wireFrame,
} from "./raw-socket.ts";
import { socketServer } from "./socket-server.ts";

/** More than what the protocol of exchanges needs. */
const messageBytes = 70_000;
const badUtf8 = Buffer.from([0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xed, 0xa0, 0x80]);

interface Violation {
  readonly title: string;
  /** What is written; `masked` is how frames of this side must be. */
  readonly bytes: (masked: boolean) => Buffer;
  /** The code that is answered. */
  readonly answer: number;
  /** Where only bytes may come, text is not looked at. */
  readonly inText?: boolean;
}

function single(title: string, answer: number, shape: Parameters<typeof wireFrame>[0], inText = false): Violation {
  return { title, answer, bytes: (masked) => wireFrame(shape, masked), inText };
}

function several(
  title: string,
  answer: number,
  shapes: readonly Parameters<typeof wireFrame>[0][],
  inText = false,
): Violation {
  return { title, answer, bytes: (masked) => Buffer.concat(shapes.map((shape) => wireFrame(shape, masked))), inText };
}

const start = { opcode: opcode.binary, payload: "a", fin: false };

const violations: readonly Violation[] = [
  // 5.1
  {
    title: "a frame that is masked as the other side's must be",
    answer: 1_002,
    bytes: (masked) => wireFrame({ opcode: opcode.binary, payload: "x" }, !masked),
  },
  {
    title: "a ping that is masked as the other side's must be",
    answer: 1_002,
    bytes: (masked) => wireFrame({ opcode: opcode.ping }, !masked),
  },
  // 5.2
  ...[1, 2, 3, 4, 5, 6, 7].map((rsv) =>
    single(`reserved bits ${rsv} on bytes`, 1_002, { opcode: opcode.binary, payload: "x", rsv }),
  ),
  ...[1, 4].map((rsv) => single(`reserved bits ${rsv} on a ping`, 1_002, { opcode: opcode.ping, rsv })),
  several("a reserved bit on a continuation", 1_002, [start, { opcode: opcode.continuation, payload: "b", rsv: 4 }]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((unknown) =>
    single(`opcode ${unknown}`, 1_002, { opcode: unknown, payload: "x" }),
  ),
  single("a length of 2^63", 1_009, { opcode: opcode.binary, length: 2n ** 63n }),
  single("a length of 2^64 - 1", 1_009, { opcode: opcode.binary, length: 2n ** 64n - 1n }),
  single("a length of 2^53", 1_009, { opcode: opcode.binary, length: 2n ** 53n }),
  single("a length of 2^31", 1_009, { opcode: opcode.binary, length: 2n ** 31n }),
  // 5.4
  single("a continuation of nothing", 1_002, { opcode: opcode.continuation, payload: "x" }),
  several("a continuation behind the end", 1_002, [
    { opcode: opcode.binary, payload: Buffer.alloc(0) },
    { opcode: opcode.continuation, payload: "x" },
  ]),
  several("a message inside another", 1_002, [start, { opcode: opcode.binary, payload: "b" }]),
  several("a text inside bytes", 1_002, [start, { opcode: opcode.text, payload: "b" }]),
  // 5.5
  ...[opcode.close, opcode.ping, opcode.pong].flatMap((control) => [
    single(`opcode ${control} in fragments`, 1_002, { opcode: control, fin: false }),
    single(`opcode ${control} of 126 bytes`, 1_002, { opcode: control, payload: Buffer.alloc(126, 3) }),
    single(`opcode ${control} of 65536 bytes`, 1_002, { opcode: control, payload: Buffer.alloc(65_536, 3) }),
    single(`opcode ${control} with a length of 64 bits`, 1_002, { opcode: control, payload: "x", lengthBits: 64 }),
  ]),
  // 5.5.1, 7.4
  single("a close with half a code", 1_002, { opcode: opcode.close, payload: "x" }),
  ...[0, 999, 1_004, 1_005, 1_006, 1_015, 1_016, 2_000, 2_999, 5_000, 65_535].map((code) =>
    single(`a close with code ${code}`, 1_002, { opcode: opcode.close, payload: closePayload(code) }),
  ),
  single(
    "a close whose reason is no UTF-8",
    1_007,
    { opcode: opcode.close, payload: closePayload(1_000, badUtf8) },
    true,
  ),
  // 8.1
  single("text that is no UTF-8", 1_007, { opcode: opcode.text, payload: badUtf8 }, true),
  single("text that ends inside a character", 1_007, { opcode: opcode.text, payload: Buffer.from([0xe2, 0x82]) }, true),
  single("text with an overlong character", 1_007, { opcode: opcode.text, payload: Buffer.from([0xc0, 0xaf]) }, true),
  single("text with a surrogate", 1_007, { opcode: opcode.text, payload: Buffer.from([0xed, 0xa0, 0x80]) }, true),
  single("text above U+10FFFF", 1_007, { opcode: opcode.text, payload: Buffer.from([0xf4, 0x90, 0x80, 0x80]) }, true),
  several(
    "text in fragments that is no UTF-8",
    1_007,
    [
      { opcode: opcode.text, payload: badUtf8.subarray(0, 5), fin: false },
      { opcode: opcode.continuation, payload: badUtf8.subarray(5) },
    ],
    true,
  ),
  // Limits of ours
  single("a message over the limit", 1_009, { opcode: opcode.binary, payload: Buffer.alloc(messageBytes + 1) }),
  single("a message over the limit, announced only", 1_009, {
    opcode: opcode.binary,
    length: BigInt(messageBytes + 1),
  }),
  several("a message over the limit, in fragments", 1_009, [
    { opcode: opcode.binary, payload: Buffer.alloc(messageBytes), fin: false },
    { opcode: opcode.continuation, length: 1n, fin: false },
  ]),
  several("1025 fragments", 1_008, [start, ...Array.from({ length: 1_024 }, () => ({ ...start, opcode: 0 }))]),
  several("1025 empty fragments", 1_008, [
    { ...start, payload: "" },
    ...Array.from({ length: 1_024 }, () => ({ opcode: 0, fin: false })),
  ]),
];

function codeFor({ answer }: Violation): TransportErrorCode {
  return answer === 1_009 || answer === 1_008 ? "LIMIT_EXCEEDED" : "PROTOCOL_ERROR";
}

const forBytes = violations.filter(({ inText }) => inText !== true);
const each = (some: readonly Violation[]): [string, Violation][] => some.map((one) => [one.title, one]);

/** SETTINGS that say nothing, so that the defaults of PROTOCOL.md hold. */
const settings = Buffer.from([0, 0, 0, 5 << 4, 0, 0, 0, 0]);
/** HEADERS of a request, stream 1, ended. */
function headers(): Buffer {
  const pairs = [":method", "GET", ":path", "/", ":authority", "a.example"];
  const block = Buffer.concat(
    pairs.flatMap((text, i) => {
      if (i % 2 === 1) return [];
      const lengths = Buffer.alloc(4);
      lengths.writeUInt16BE(text.length, 0);
      lengths.writeUInt16BE((pairs[i + 1] as string).length, 2);
      return [lengths, Buffer.from(text), Buffer.from(pairs[i + 1] as string)];
    }),
  );
  return Buffer.concat([Buffer.from([0, 0, block.byteLength, (1 << 4) | 1, 0, 0, 0, 1]), block]);
}

describe("a channel of ours answers", () => {
  it.each(each(violations))("%s with the right code, and fails with it", async (_, violation) => {
    const answered = Promise.withResolvers<number>();
    await using server = await rawSocketServer(async (socket) => {
      await socket.text("before");
      void socket.peer.write(violation.bytes(false));
      answered.resolve((await socket.closing()).code);
      socket.peer.fin();
    });
    await using transport = websocket({ limits: { messageBytes } });
    const channel = await transport.open({ url: server.url });
    const messages: unknown[] = [];
    const error = await failure(
      (async () => {
        for await (const message of channel) if (String(message) !== "") messages.push(message);
      })(),
    );
    expect(messages).toEqual(["before"]);
    expect(await answered.promise).toBe(violation.answer);
    expect(error).toMatchObject({ code: codeFor(violation), phase: "channel", delivery: "maybe-sent" });
    expect(error.cause).toBeInstanceOf(Error);
    expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
    await server.idle();
  });
});

describe("a connection of exchanges answers", () => {
  const cases = [
    ...forBytes,
    single("text", 1_002, { opcode: opcode.text, payload: "{}" }),
    single("text that is no UTF-8", 1_002, { opcode: opcode.text, payload: badUtf8 }),
  ];
  it.each(each(cases))("%s with the right code, and loses what was under way", async (_, violation) => {
    const answered = Promise.withResolvers<number>();
    let connections = 0;
    await using server = await rawSocketServer(async (socket) => {
      connections++;
      await socket.send({ opcode: opcode.binary, payload: settings });
      // SETTINGS, then the request.
      await socket.frame();
      await socket.frame();
      void socket.peer.write(violation.bytes(false));
      answered.resolve((await socket.closing()).code);
      socket.peer.fin();
    });
    await using transport = websocket({ limits: { messageBytes } });
    const error = await failure(transport.request({ url: server.url, method: "POST" }));
    expect(error).toMatchObject({ delivery: "maybe-sent", replaySafe: false });
    expect(["CONNECTION_LOST", "PROTOCOL_ERROR"]).toContain(error.code);
    expect(error.cause).toBeInstanceOf(Error);
    expect(await answered.promise).toBe(violation.answer);
    await server.idle();
    expect(connections).toBe(1);
    expect(transport.stats().connections).toEqual({ connecting: 0, active: 0, idle: 0, draining: 0 });
  });
});

/** As @holdfast/server takes its sockets. */
const asServed: ServerOptions & { readonly closeTimeout: number; readonly maxFragments: number } = {
  clientTracking: false,
  maxPayload: messageBytes,
  maxFragments: 1_024,
  closeTimeout: 2_000,
};

describe("a channel of a server answers", () => {
  it.each(each(violations))("%s with the right code, and fails with it", async (_, violation) => {
    const failed = Promise.withResolvers<unknown>();
    await using server = await socketServer((socket) => {
      const connection = { id: "1", protocol: "websocket", origin: "", reused: false, exchangeIndex: 0 };
      const channel = new SocketChannel(socket, {
        connection,
        sendBufferBytes: 65_536,
        failureOf: (error) => socketFailure(error, messageBytes),
      });
      failed.resolve(failure(allOf(channel)));
    }, asServed);
    const client = await rawSocketClient(server.url);
    void client.peer.write(violation.bytes(true));
    expect((await client.closing()).code).toBe(violation.answer);
    client.peer.fin();
    expect(await failed.promise).toMatchObject({ code: codeFor(violation) });
    await client.peer.closed;
    await server.idle();
  });
});

describe("exchanges of a server answer", () => {
  it.each(each(forBytes))("%s with the right code, and abort what was under way", async (_, violation) => {
    const aborted = Promise.withResolvers<void>();
    await using server = await socketServer(
      (socket, __, wire) => {
        answerOver(socketPipe(socket, wire), async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          aborted.resolve();
          return {};
        });
      },
      { ...asServed, handleProtocols: () => muxSubprotocol },
    );
    const client = await rawSocketClient(server.url, muxSubprotocol);
    await client.send({ opcode: opcode.binary, payload: Buffer.concat([settings, headers()]) });
    void client.peer.write(violation.bytes(true));
    expect((await client.closing()).code).toBe(violation.answer);
    client.peer.fin();
    await aborted.promise;
    await server.idle();
  });
});

describe("a peer that only makes noise", () => {
  const ping = (masked: boolean): Buffer => wireFrame({ opcode: opcode.ping, payload: Buffer.alloc(125) }, masked);

  /** Pings without reading the answers, until it is cut off. */
  async function flood(socket: RawSocket, masked: boolean): Promise<void> {
    socket.peer.socket.pause();
    const block = Buffer.concat(Array.from({ length: 1_000 }, () => ping(masked)));
    while (!socket.peer.socket.destroyed) await socket.peer.write(block);
  }

  it("and reads nothing is cut off by a channel of ours", async () => {
    await using server = await rawSocketServer((socket) => flood(socket, false));
    await using transport = websocket();
    const channel = await transport.open({ url: server.url });
    expect(await failure(allOf(channel))).toMatchObject({ code: "CONNECTION_LOST" });
    await server.idle();
  });

  it("and reads nothing is cut off by a server", async () => {
    await using server = await socketServer(() => {}, asServed);
    const client = await rawSocketClient(server.url);
    await flood(client, true);
    await server.idle();
  });

  it("but reads the answers gets one for each", async () => {
    const answered = Promise.withResolvers<number>();
    await using server = await rawSocketServer(async (socket) => {
      let pongs = 0;
      for (let round = 0; round < 20; round++) {
        await socket.peer.write(Buffer.concat(Array.from({ length: 50 }, () => ping(false))));
        for (let i = 0; i < 50; i++) if ((await socket.frame()).opcode === opcode.pong) pongs++;
      }
      answered.resolve(pongs);
    });
    await using transport = websocket();
    const channel = await transport.open({ url: server.url });
    expect(await answered.promise).toBe(1_000);
    channel.destroy();
  });

  it("behind its close is not heard", async () => {
    await using server = await rawSocketServer(async (socket) => {
      const { peer } = socket;
      await peer.write(
        Buffer.concat([
          wireFrame({ opcode: opcode.close, payload: closePayload(4_000, "bye") }, false),
          wireFrame({ opcode: opcode.text, payload: "late" }, false),
          wireFrame({ opcode: 15, rsv: 7 }, true),
        ]),
      );
      expect(await socket.closing()).toEqual({ code: 4_000, reason: "bye" });
      peer.fin();
    });
    await using transport = websocket();
    const channel = await transport.open({ url: server.url });
    expect(await allOf(channel)).toEqual([]);
    expect(await channel.closed).toEqual({ code: 4_000, reason: "bye", clean: true });
  });
});

it("a length that is written longer than need be is read as what it is", async () => {
  await using server = await rawSocketServer(async (socket) => {
    await socket.send({ opcode: opcode.text, payload: "16", lengthBits: 16 });
    await socket.send({ opcode: opcode.text, payload: "64", lengthBits: 64 });
    await socket.close(1_000);
  });
  await using transport = websocket();
  const channel = await transport.open({ url: server.url });
  expect(await allOf(channel)).toEqual(["16", "64"]);
});
