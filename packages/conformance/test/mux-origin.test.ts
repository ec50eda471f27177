import { once } from "node:events";
import { muxOrigin, type Origin } from "@holdfast/conformance";
import { muxHostile } from "@holdfast/conformance/hostile";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let origin: Origin;
beforeAll(async () => {
  origin = await muxOrigin();
});
afterAll(() => origin.close());

/** A WebSocket of node's own, and what came by it. */
async function connect(
  url: string,
  ...protocols: string[]
): Promise<{ readonly socket: WebSocket; next(): Promise<string | Buffer> }> {
  const socket = new WebSocket(url.replace("http", "ws"), protocols);
  socket.binaryType = "arraybuffer";
  const came: (string | Buffer)[] = [];
  let wake = (): void => {};
  socket.addEventListener("message", ({ data }) => {
    came.push(typeof data === "string" ? data : Buffer.from(data as ArrayBuffer));
    wake();
  });
  await once(socket, "open");
  return {
    socket,
    next: async () => {
      while (came.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return came.shift() as string | Buffer;
    },
  };
}

async function closed(socket: WebSocket): Promise<{ readonly code: number; readonly reason: string }> {
  const [{ code, reason }] = (await once(socket, "close")) as [CloseEvent];
  return { code, reason };
}

describe("the origin of channels", () => {
  it("echoes text and bytes of every length", async () => {
    const { socket, next } = await connect(`${origin.url}/channel/echo`);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 200_000]) {
      socket.send("x".repeat(size));
      expect(await next()).toBe("x".repeat(size));
      socket.send(Buffer.alloc(size, 7));
      expect((await next()).length).toBe(size);
    }
    const end = closed(socket);
    socket.close(4_002, "bye");
    expect(await end).toEqual({ code: 4_002, reason: "bye" });
  });

  it("floods, then closes", async () => {
    const { socket, next } = await connect(`${origin.url}/channel/flood?count=3&bytes=10`);
    const end = closed(socket);
    const numbers = [await next(), await next(), await next()].map((message) => (message as Buffer).readUInt32BE(0));
    expect(numbers).toEqual([0, 1, 2]);
    expect((await end).code).toBe(1_000);
  });

  it("closes as it is told, and drops as it is told", async () => {
    const told = await connect(`${origin.url}/channel/close?code=4100&reason=no`);
    const end = closed(told.socket);
    told.socket.send("now");
    expect(await end).toEqual({ code: 4_100, reason: "no" });
    const dropped = await connect(`${origin.url}/channel/drop`);
    const lost = closed(dropped.socket);
    dropped.socket.send("now");
    expect((await lost).code).toBe(1_006);
  });

  it("chooses among the sub-protocols of the kit, and refuses other paths", async () => {
    const { socket } = await connect(`${origin.url}/channel/silent`, "other", "kit.a");
    expect(socket.protocol).toBe("kit.a");
    const end = closed(socket);
    socket.close();
    await end;
    const refused = new WebSocket(`${origin.url.replace("http", "ws")}/channel/none`);
    await once(refused, "error");
    expect((await fetch(origin.url)).status).toBe(426);
  });
});

/** Frames from the specification alone. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type * 16 + flags, 3);
  head.writeUInt32BE(stream, 4);
  return Buffer.concat([head, payload]);
}

function get(path: string): Buffer {
  const fields = { ":method": "GET", ":path": path, ":authority": "a.example" };
  const parts = Object.entries(fields).map(([name, value]) => {
    const lengths = Buffer.from([0, name.length, 0, value.length]);
    return Buffer.concat([lengths, Buffer.from(name + value)]);
  });
  return frame(1, 1, 1, Buffer.concat(parts));
}

/** Types of the frames that a stream got, and the code of its RESET. */
async function answered(next: () => Promise<string | Buffer>): Promise<string> {
  let seen = "";
  for (;;) {
    const message = (await next()) as Buffer;
    for (let at = 0; at < message.length; at += 8 + message.readUIntBE(at, 3)) {
      const type = message.readUInt8(at + 3) >> 4;
      if (type === 2) return `${seen}reset ${message.readUInt32BE(at + 8)}`;
      if (type === 6) return `${seen}ping`;
      if (type === 5) continue;
      seen += `${["data", "head"][type] ?? type} `;
      if (message.readUInt8(at + 3) & 1 && type < 2) return `${seen}end`;
    }
  }
}

describe("the origin of holdfast.mux.v1", () => {
  it("answers in frames, and resets what breaks off", async () => {
    for (const [path, wanted] of [
      ["/bytes/5", "head data data end"],
      ["/status/204", "head end"],
      ["/hints", "head head head data data end"],
      ["/trailers", "head data data head end"],
      ["/cut/10", "head data reset 2"],
    ]) {
      const { socket, next } = await connect(origin.url, "holdfast.mux.v1");
      socket.send(Buffer.concat([frame(5, 0, 0), get(path as string)]));
      expect(await answered(next), path).toBe(wanted);
      const end = closed(socket);
      socket.close();
      await end;
    }
  });

  it("sends no more than the client takes", async () => {
    const { socket, next } = await connect(origin.url, "holdfast.mux.v1");
    socket.send(Buffer.concat([frame(5, 0, 0), get("/bytes/100000")]));
    let bytes = 0;
    while (bytes < 65_536) {
      const message = (await next()) as Buffer;
      for (let at = 0; at < message.length; at += 8 + message.readUIntBE(at, 3))
        if (message.readUInt8(at + 3) >> 4 === 0) bytes += message.readUIntBE(at, 3);
    }
    expect(bytes).toBe(65_536);
    const more = Buffer.alloc(4);
    more.writeUInt32BE(34_464);
    socket.send(Buffer.concat([frame(3, 0, 0, more), frame(3, 0, 1, more), frame(6, 0, 0, Buffer.alloc(8))]));
    for (let rest = 0; rest < 34_464;) {
      const message = (await next()) as Buffer;
      for (let at = 0; at < message.length; at += 8 + message.readUIntBE(at, 3))
        if (message.readUInt8(at + 3) >> 4 === 0) rest += message.readUIntBE(at, 3);
    }
    const end = closed(socket);
    socket.close();
    await end;
  });
});

describe("the hostile origin of holdfast.mux.v1", () => {
  it("refuses, resets and says goodbye as it is told", async () => {
    await using hostile = await muxHostile().listen();
    const codes: string[] = [];
    for (const act of ["refuse", "reset"] as const) {
      const { socket, next } = await connect(hostile.url, "holdfast.mux.v1");
      socket.send(Buffer.concat([frame(5, 0, 0), get("/a")]));
      const exchange = await hostile.next();
      await (act === "refuse" ? exchange.refuse() : exchange.reset("calm"));
      codes.push(await answered(next));
      const end = closed(socket);
      socket.close();
      await end;
    }
    expect(codes).toEqual(["reset 6", "reset 8"]);
  });

  it("cuts a head within a frame, and cannot push or give less credit than there is", async () => {
    await using hostile = await muxHostile().listen();
    const { socket } = await connect(hostile.url, "holdfast.mux.v1");
    socket.send(Buffer.concat([frame(5, 0, 0), get("/a")]));
    const exchange = await hostile.next();
    await exchange.halfHead();
    const lost = closed(socket);
    exchange.connection.fin();
    expect((await lost).code).toBe(1_006);
    expect(() => exchange.push("/b")).toThrow('cannot express the fault "push"');
    await expect(muxHostile().listen({ creditBytes: 10 })).rejects.toThrow("a credit of 65536 bytes at least");
  });
});
