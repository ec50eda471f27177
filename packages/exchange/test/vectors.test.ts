import { readdirSync, readFileSync } from "node:fs";
import { type ExchangeHandler, muxCode } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { type FrameSink, readFrames } from "../src/frame-reader.ts";
import { FrameWriter } from "../src/frame-writer.ts";
import type { Violation } from "../src/frames.ts";
import { writePairsFrame } from "../src/head-writer.ts";
import { asking, outcome, unsettled } from "./ends.ts";
import { type MuxPeer, until } from "./mux-peer.ts";
import {
  type ConversationVector,
  encode,
  folder,
  messagesByFile,
  readVector,
  typeOf,
  type VectorFrame,
  vectors,
} from "./vectors.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;

describe("the files", () => {
  const made = messagesByFile();

  it("are those that vectors.json describes", () => {
    const there = ["messages", "violations", "conversations"].flatMap((kind) =>
      readdirSync(new URL(kind, folder)).map((file) => `${kind}/${file}`),
    );
    expect(there.toSorted((a, b) => a.localeCompare(b))).toEqual(
      [...made.keys()].toSorted((a, b) => a.localeCompare(b)),
    );
  });

  it.each([...made])("%s is what is described", (file, message) => {
    expect(readVector(file).equals(message)).toBe(true);
  });
});

/** Gathers what the reader tells. */
class Frames implements FrameSink {
  readonly settled = true;
  readonly over = false;
  readonly seen: unknown[] = [];
  onData(stream: number, payload: Buffer, isEnd: boolean): undefined {
    this.seen.push(["DATA", stream, isEnd, payload.toString("hex")]);
  }
  onHeaders(stream: number, block: Buffer, isInfo: boolean, isEnd: boolean): undefined {
    this.seen.push(["HEADERS", stream, isInfo, isEnd, wire.readPairs(block)]);
  }
  onReset(stream: number, code: number, reason: string): undefined {
    this.seen.push(["RESET", stream, code, reason]);
  }
  onWindow(stream: number, increment: number): undefined {
    this.seen.push(["WINDOW", stream, increment]);
  }
  onGoAway(lastStream: number, code: number, reason: string): undefined {
    this.seen.push(["GOAWAY", lastStream, code, reason]);
  }
  onSettings(payload: Buffer): undefined {
    this.seen.push(["SETTINGS", payload.toString("hex")]);
  }
  onPing(opaque: Buffer, isAnswer: boolean): undefined {
    this.seen.push(["PING", isAnswer, opaque.toString("hex")]);
  }
  onUnknown(): undefined {
    this.seen.push(["unknown"]);
  }
}

function expected(frame: VectorFrame): unknown[] {
  const { stream, flags, code, reason } = frame;
  const payload = encode([frame]).subarray(8).toString("hex");
  const isEnd = (flags & 1) === 1;
  switch (frame.type) {
    case "DATA":
      return ["DATA", stream, isEnd, payload];
    case "HEADERS":
      return ["HEADERS", stream, (flags & 2) === 2, isEnd, frame.fields];
    case "RESET":
      return ["RESET", stream, code, reason];
    case "WINDOW":
      return ["WINDOW", stream, frame.increment];
    case "GOAWAY":
      return ["GOAWAY", frame.lastStream, code, reason];
    case "SETTINGS":
      return ["SETTINGS", payload];
    case "PING":
      return ["PING", isEnd, payload];
    default:
      return ["unknown"];
  }
}

/** By our writer, as far as it writes such frames. */
function write(writer: FrameWriter, frame: VectorFrame): void {
  const { stream, flags, code = 0, reason = "" } = frame;
  const payload = encode([frame]).subarray(8);
  if (frame.type === "HEADERS") {
    const pairs = (frame.fields ?? []).flatMap(([name, value]) => [name, value]);
    expect(writePairsFrame(writer, stream, flags, pairs, 65_535)).toBe(true);
  } else if (frame.type === "DATA") writer.data(flags, stream, payload);
  else if (frame.type === "RESET") writer.reset(stream, code, reason);
  else if (frame.type === "WINDOW" && flags === 0) writer.window(stream, frame.increment ?? 0);
  else if (frame.type === "GOAWAY") writer.goAway(frame.lastStream ?? 0, code, reason);
  else if (frame.type === "PING") writer.ping(flags, payload);
  else {
    const at = writer.begin(typeOf(frame.type), flags, stream, payload.byteLength);
    writer.slab.set(payload, at);
  }
}

describe("a message is read and written:", () => {
  it.each(vectors.messages)("$name: $title", ({ name, frames }) => {
    const message = readVector(`messages/${name}.bin`);
    const sink = new Frames();
    expect(readFrames(message, sink)).toBeUndefined();
    expect(sink.seen).toEqual(frames.map(expected));
    const writer = new FrameWriter();
    for (const frame of frames) write(writer, frame);
    expect(Buffer.concat(writer.take()).toString("hex")).toBe(message.toString("hex"));
  });

  it("none of them whole when it is cut", () => {
    for (const { name } of vectors.messages) {
      const message = readVector(`messages/${name}.bin`);
      let boundaries = 0;
      for (let length = 1; length < message.byteLength; length++) {
        const violation: Violation | undefined = readFrames(message.subarray(0, length), new Frames());
        if (violation === undefined) boundaries++;
        else expect(violation.code).toBe(muxCode.frameSize);
      }
      expect(boundaries).toBe(wire.readWire(message).length - 1);
    }
  });
});

/** What a peer was told, once nothing more comes. */
async function told(peer: MuxPeer): Promise<(typeof vectors.violations)[number]["result"]> {
  await peer.quiet();
  const goAway = peer.of(type.goAway)[0];
  if (goAway !== undefined) {
    expect(await peer.violation()).toMatchObject({ closed: true });
    return { scope: "connection", code: goAway.payload.readUInt32BE(4) };
  }
  const resets = peer.of(type.reset);
  expect(resets.length).toBeLessThan(2);
  // The others go on.
  peer.send(wire.ping("still up"));
  expect((await peer.next(type.ping)).payload.toString()).toBe("still up");
  const [reset] = resets;
  if (reset === undefined) return { scope: "none" };
  return { scope: "stream", stream: reset.stream, code: reset.payload.readUInt32BE() };
}

function violationsTo(side: "client" | "server"): typeof vectors.violations {
  return vectors.violations.filter(({ to }) => to === side || to === "either");
}

describe("a server that gets", () => {
  it.each(violationsTo("server"))("$name ($title) answers as it must", async ({ name, before, result }) => {
    const { peer } = unsettled(() => new Promise(() => {}));
    for (const other of before) peer.send(readVector(`messages/${other}.bin`));
    peer.send(readVector(`violations/${name}.bin`));
    expect(await told(peer)).toEqual(result);
    peer.destroy();
  });
});

describe("a client that gets", () => {
  it.each(violationsTo("client"))("$name ($title) answers as it must", async ({ name, before, result }) => {
    const { transport, peer } = asking({}, (server) => {
      for (const other of before) server.send(readVector(`messages/${other}.bin`));
      if (before.length === 0) server.send(readVector(`violations/${name}.bin`));
    });
    const asked = outcome(transport);
    if (before.length > 0) {
      await until("it asks", () => peer().of(type.headers).length === 1);
      peer().send(readVector(`violations/${name}.bin`));
    }
    await until("it is connected", () => peer().frames.length > 0);
    expect(await told(peer())).toEqual(result);
    await transport.destroy();
    await asked.done;
  });
});

describe("a conversation", () => {
  const handler: ExchangeHandler = async ({ url: { pathname }, body, trailers, informational, signal }) => {
    if (pathname === "/hi") return { body: "hello" };
    if (pathname === "/early") return { status: 413 };
    if (pathname === "/echo") return { body };
    if (pathname === "/slow") {
      const gone = new Promise((resolve) => signal.addEventListener("abort", resolve));
      return {
        body: { [Symbol.asyncIterator]: () => ({ next: () => gone.then(() => ({ done: true, value: undefined })) }) },
      };
    }
    const text = await body.text();
    informational(103, { link: "</a>" });
    return { body: text, trailers: () => trailers };
  };
  /** Drain and refusal are its application's, and late DATA is that of a server that did not know. */
  const byUs = vectors.conversations.filter(({ name }) => !["refused-then-answered", "cancel", "drain"].includes(name));

  it.each(byUs)("is answered as it stands: $name, $title", async ({ name, steps }) => {
    const { peer } = unsettled(handler);
    let said = 0;
    for (const [i, { from, frames }] of steps.entries()) {
      const message = readVector(`conversations/${name}-${i + 1}-${from}.bin`);
      if (from === "client") peer.send(message);
      else {
        said += frames.length;
        await until("all is said", () => peer.frames.length >= said);
        expect(Buffer.concat(peer.messages).subarray(-message.byteLength).toString("hex")).toBe(
          message.toString("hex"),
        );
      }
    }
    await peer.quiet();
    expect(peer.frames).toHaveLength(said);
    peer.close();
  });

  function requests({ steps }: ConversationVector): readonly string[] {
    return steps.flatMap(({ frames }) =>
      frames.flatMap(({ fields = [] }) => fields.flatMap(([name, value]) => (name === ":path" ? value : []))),
    );
  }
  /** PING and goodbye are asked for by time, or end the connection. */
  const asked = vectors.conversations.filter(({ name }) => !["ping", "drain"].includes(name));

  it.each(asked)("is asked as it stands: $name, $title", async (conversation) => {
    const { name, steps } = conversation;
    const { transport, peer } = asking({ limits: { headBytes: 16_384 }, maxConnections: 1 }, () => {});
    const abort = new AbortController();
    const open = (path: string): ReturnType<typeof outcome> => {
      const method = ["/hi", "/slow"].includes(path) ? "GET" : "POST";
      const body = { "/echo": "hello", "/trailers": "x", "/early": waiting() }[path];
      return outcome(transport, {
        url: `http://a.example${path}`,
        method,
        ...(body !== undefined && { body }),
        ...(path === "/trailers" && { trailers: () => ({ sum: "1" }) }),
        ...(path === "/slow" && { signal: abort.signal }),
      });
    };
    const [path = "", ...later] = requests(conversation);
    const outcomes = [open(path)];
    let said = 0;
    for (const [i, { from, frames }] of steps.entries()) {
      const message = readVector(`conversations/${name}-${i + 1}-${from}.bin`);
      if (from === "server") peer().send(message);
      else {
        if (frames[0]?.type === "RESET" && name === "cancel") abort.abort();
        if (frames[0]?.type === "HEADERS" && name === "cancel" && i > 3) outcomes.push(open(later[0] as string));
        said += frames.length;
        await until("all is said", () => peerOf(peer)?.frames.length === said);
        expect(Buffer.concat(peer().messages).subarray(-message.byteLength).toString("hex")).toBe(
          message.toString("hex"),
        );
      }
      if (from === "server") await peer().quiet();
    }
    await Promise.all(outcomes.map(({ done }) => done));
    expect(outcomes.at(-1)?.error).toBeUndefined();
    await transport.close();
  });
});

function peerOf(peer: () => MuxPeer): MuxPeer | undefined {
  try {
    return peer();
  } catch {
    return undefined;
  }
}

async function* waiting(): AsyncGenerator<Uint8Array> {
  await new Promise(() => {});
  yield Buffer.alloc(0);
}

describe("the example of PROTOCOL.md", () => {
  it("is what it says", () => {
    const page = readFileSync(new URL("../PROTOCOL.md", import.meta.url), "utf8");
    const [client, server] = [...(page.split("## 15. Example")[1] ?? "").matchAll(/```text\n([\s\S]*?)```/g)].map(
      ([, text = ""]) => Buffer.from(text.replace(/(?<=\S) {3,}\S.*$/gm, "").replace(/\s/g, ""), "hex"),
    ) as [Buffer, Buffer];
    expect(client.byteLength).toBe(95);
    expect(wire.readWire(client).map(({ type: of, flags, stream }) => [of, flags, stream])).toEqual([
      [type.settings, 0, 0],
      [type.headers, end, 1],
    ]);
    expect(client.toString("hex")).toBe(
      Buffer.concat([
        readVector("conversations/get-1-client.bin"),
        readVector("conversations/get-3-client.bin"),
      ]).toString("hex"),
    );
    expect(server.toString("hex")).toBe(readVector("conversations/get-4-server.bin").toString("hex"));
  });
});
