import { once } from "node:events";
import { Duplex } from "node:stream";
import { expect, it } from "vitest";
import { Http2Exchange } from "../src/exchange.ts";

it("data that node hands over before it tells of the head is part of the body", async () => {
  const heard: string[] = [];
  const receiver = {
    head: (status: number) => void heard.push(`head ${status}`),
    data: (chunk: Uint8Array) => void heard.push(`data ${String(chunk)}`),
    end: () => void heard.push("end"),
  };
  const session = { headBytes: 1_000, ended: false, streamClosed: () => {} };
  const stream = Object.assign(new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() }), {
    close: () => {},
  });
  stream.end();
  const exchange = new Http2Exchange(session as never);
  exchange.receive({} as never, { pushed: () => receiver } as never, stream as never);
  stream.push(Buffer.from("a"));
  stream.emit("push", { ":status": 200 }, 0, [":status", "200"]);
  stream.push(Buffer.from("b"));
  const ended = once(stream, "end");
  stream.push(null);
  await ended;
  expect(heard).toEqual(["head 200", "data a", "data b", "end"]);
});
