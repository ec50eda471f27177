import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { type FramePeer, frameAnswers, frames, frameServer, getText } from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const noRfc7540Priorities = 9;
const priorityFlag = 0x20;

/** The values that the client has sent of a setting. */
function settingOf(peer: FramePeer, id: number): number[] {
  const values: number[] = [];
  for (const { payload } of peer.all(frames.settings)) {
    for (let at = 0; at < payload.byteLength; at += 6)
      if (payload.readUInt16BE(at) === id) values.push(payload.readUInt32BE(at + 2));
  }
  return values;
}

describe("priority (RFC 9218)", () => {
  it.each(["u=1, i", "u=7", "i=?0"])("%s passes as a field, both ways", async (priority) => {
    await using server = await frameServer(
      frameAnswers(({ stream, headers }, peer) =>
        peer.headers(
          stream,
          [
            [":status", "200"],
            ["priority", String(headers["priority"])],
          ],
          1,
        ),
      ),
    );
    await using transport = http2();
    const { headers, body } = await transport.request({ url: server.url, headers: { priority } });
    await body.bytes();
    expect(server.requests[0]!.headers["priority"]).toBe(priority);
    expect(headers["priority"]).toBe(priority);
  });

  it("is all there is: SETTINGS say that the priorities of RFC 7540 are not used, and they are not", async () => {
    await using server = await frameServer(frameAnswers());
    await using transport = http2();
    await getText(transport, server.url);
    const taking = await transport.request({ url: server.url, onPush: () => {} });
    await taking.body.bytes();
    expect(server.peers).toHaveLength(2);
    for (const peer of server.peers) {
      expect(settingOf(peer, noRfc7540Priorities)).toEqual([1]);
      expect(peer.all(frames.headers).map(({ flags }) => flags & priorityFlag)).toEqual([0]);
    }
  });

  it("has its setting beside those of the caller", async () => {
    await using server = await frameServer(frameAnswers());
    await using transport = http2({ http2: { settings: { customSettings: { 4_000: 5, 9: 0 } } } });
    await getText(transport, server.url);
    expect(settingOf(server.peers[0]!, 4_000)).toEqual([5]);
    expect(settingOf(server.peers[0]!, noRfc7540Priorities)).toEqual([1]);
  });

  it("is understood by node's server", async () => {
    const server = createServer({ remoteCustomSettings: [noRfc7540Priorities] });
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      const { customSettings } = stream.session!.remoteSettings;
      stream.respond();
      stream.end(JSON.stringify([headers["priority"], customSettings]));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const transport = http2();
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { body } = await transport.request({ url, headers: { priority: "u=2" } });
    expect(await body.json()).toEqual(["u=2", { 9: 1 }]);
    await transport.close();
    server.close();
  });
});
