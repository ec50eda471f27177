import { createServer } from "node:http2";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import {
  endStream,
  failure,
  frameAnswers as answering,
  frames,
  frameServer,
  getText,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2, type Http2Options } from "../src/index.ts";

const maxHeaderListSize = 6;
const cancel = 8;

/** What the fields of every GET to such a server count. */
function listBytes(fields: Readonly<Record<string, string>>): number {
  return Object.entries(fields).reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
}

function bareBytes(url: string): number {
  return listBytes({ ":method": "GET", ":scheme": "http", ":authority": new URL(url).host, ":path": "/" });
}

describe("a head that is too long to be sent", () => {
  const limits: readonly [string, number, Readonly<Record<number, number>>, Http2Options, RegExp][] = [
    ["node:http2", 65_536, {}, {}, /65536 bytes/],
    ["http2.maxSendHeaderBlockLength", 30_000, {}, { http2: { maxSendHeaderBlockLength: 30_000 } }, /30000 bytes/],
    ["the peer's SETTINGS", 5_000, { [maxHeaderListSize]: 5_000 }, {}, /5000 bytes .*SETTINGS_MAX_HEADER_LIST_SIZE/],
  ];

  it.each(limits)(
    "for %s is LIMIT_EXCEEDED, says so, and costs the session nothing",
    async (_, most, settings, options, words) => {
      await using server = await frameServer(answering(), { settings });
      await using transport = http2(options);
      expect(await getText(transport, server.url)).toBe("ok");
      const room = most - bareBytes(server.url) - listBytes({ "x-long": "" });
      const fits = await transport.request({ url: server.url, headers: { "x-long": "x".repeat(room) } });
      expect(await fits.body.text()).toBe("ok");
      const headers = { "x-long": "x".repeat(room + 1) };
      const error = await failure(transport.request({ url: server.url, headers }));
      expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "not-sent", phase: "send", attempts: [] });
      expect(error.message).toMatch(words);
      expect(error.message).toContain(`${most + 1} bytes`);
      expect(await getText(transport, server.url)).toBe("ok");
      expect(server.requests).toHaveLength(3);
      expect(server.peers).toHaveLength(1);
      expect(transport.stats().totals).toMatchObject({ connectionsOpened: 1, exchangesReplayed: 0 });
    },
  );

  it("for what a server of node's takes is not sent to it", async () => {
    const server = createServer({ settings: { maxHeaderListSize: 1_000 } }, (_, response) => response.end("ok"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    {
      await using transport = http2();
      const headers = { "x-long": "x".repeat(1_000) };
      const error = await failure(transport.request({ url, headers }));
      expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "not-sent" });
      expect(await getText(transport, url)).toBe("ok");
    }
    server.close();
    await once(server, "close");
  });
});

describe("trailers that are too long to be sent", () => {
  it("are LIMIT_EXCEEDED, and the request that they should have ended never looks complete", async () => {
    await using server = await frameServer(
      answering(({ stream, path }, peer) => (path === "/next" ? peer.respond(stream) : undefined)),
    );
    await using transport = http2();
    const trailers = () => ({ "x-long": "x".repeat(70_000) });
    const error = await failure(transport.request({ url: server.url, method: "POST", body: "x", trailers }));
    expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "maybe-sent", phase: "send", attempts: [] });
    expect(error.message).toMatch(/trailers .* 70038 bytes.* 65536 bytes/);
    const reset = await server.peers[0]!.frame(frames.resetStream, 1);
    expect(reset.payload.readUInt32BE()).toBe(cancel);
    expect(
      server.peers[0]!.received.filter(
        ({ stream, type, flags }) => stream === 1 && type <= frames.headers && flags & endStream,
      ),
    ).toEqual([]);
    expect(await getText(transport, `${server.url}/next`)).toBe("ok");
    expect(server.peers).toHaveLength(1);
  });
});
