/** A peer, a proxy as a rule, that says goodbye on a socket with nothing in flight, and then keeps the connection. */
import { describe, expect, it } from "vitest";
import { websocket } from "../src/index.ts";
import { jsonRpc } from "../src/json-rpc.ts";
import { opcode, type RawSocket, rawSocketServer } from "./raw-socket.ts";

const settings = Buffer.from("0000005000000000", "hex");
/** HEADERS with END on stream 1: `:status` 200. */
const answer = Buffer.from("00000e1100000001" + "00070003" + "3a737461747573" + "323030", "hex");

const protocols = [
  {
    name: "holdfast.mux.v1",
    codec: undefined,
    greet: (socket: RawSocket) => socket.send({ opcode: opcode.binary, payload: settings }),
    asked: async (socket: RawSocket) => {
      // The last frame of the request has the mark of its end.
      for (let ends = false; !ends;) {
        const { payload } = await socket.frame();
        for (let at = 0; at < payload.byteLength; at += 8 + payload.readUIntBE(at, 3))
          ends ||= payload.readUInt8(at + 3) === 0x01 || payload.readUInt8(at + 3) === 0x11;
      }
    },
    answer: (socket: RawSocket) => socket.send({ opcode: opcode.binary, payload: answer }),
  },
  {
    name: "JSON-RPC",
    codec: jsonRpc(),
    greet: () => {},
    asked: async (socket: RawSocket) => void (await socket.frame()),
    answer: (socket: RawSocket) => socket.text('{"jsonrpc":"2.0","id":1,"result":1}'),
  },
];

describe.each(protocols)("a socket of $name on which the peer has said goodbye", ({ codec, greet, asked, answer }) => {
  it.each(["1001", "1000"])("with %s takes no request: one that cannot be sent twice goes on another", async (code) => {
    const left = Promise.withResolvers<void>();
    await using server = await rawSocketServer(async (socket) => {
      const first = server.peers.length === 1;
      await greet(socket);
      await asked(socket);
      await answer(socket);
      if (!first) return;
      // Kept also when the client ends its side.
      socket.peer.socket.allowHalfOpen = true;
      await socket.close(Number(code));
      // The client has read it when its own comes.
      await socket.closing();
      left.resolve();
    });
    await using transport = websocket({ reconnect: { minMs: 0 }, ...(codec === undefined ? {} : { codec }) });
    const request = { url: `${server.url}/m`, method: "POST", body: "[1]" };
    const first = await transport.request(request);
    await first.body.bytes();
    await left.promise;
    const second = await transport.request(request);
    await second.body.bytes();
    expect(second).toMatchObject({ status: 200, connection: { reused: false } });
    expect(second.connection.id).not.toBe(first.connection.id);
    // Nobody has waited for the end of the first.
    expect(transport.stats().totals.connectionsClosed).toBe(0);
    await transport.destroy();
  });
});
