import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { authority, certificate, endStream, FramePeer, frames, getText } from "@holdfast/conformance/hostile";
import { describe, expect, it, onTestFinished } from "vitest";
import { http2, type Http2Options } from "../src/index.ts";

interface HalfOpen {
  readonly url: string;
  /** The connections, in the order of accepting. */
  readonly peers: readonly FramePeer[];
}

/** A server that never ends a connection, as one whose process is stopped: it reads FIN, and sends none. */
async function halfOpen(secure: boolean, answer: (peer: FramePeer, stream: number) => unknown): Promise<HalfOpen> {
  const peers: FramePeer[] = [];
  const accept = (socket: Socket): void => {
    socket.on("error", () => {});
    const peer = new FramePeer(socket, peers.length, {}, ({ stream }) => void answer(peer, stream));
    peers.push(peer);
  };
  const pem = certificate({ ip: ["127.0.0.1"] }, authority());
  const server: Server = secure
    ? createTlsServer({ ...pem, ALPNProtocols: ["h2"], allowHalfOpen: true }, accept)
    : createServer({ allowHalfOpen: true }, accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const { socket } of peers) socket.destroy();
    server.close();
    await once(server, "close");
  });
  return { url: `http${secure ? "s" : ""}://127.0.0.1:${(server.address() as AddressInfo).port}`, peers };
}

/** Resolves when a connection to that origin is closed. */
function connectionClosed(url: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const heard = (event: unknown): void => {
    if ((event as { readonly origin: string }).origin === url) resolve();
  };
  subscribe("holdfast:connection:close", heard);
  onTestFinished(() => void unsubscribe("holdfast:connection:close", heard));
  return promise;
}

const tls = { rejectUnauthorized: false };
const ok = (peer: FramePeer, stream: number): Promise<void> => peer.respond(stream);

describe.each([false, true])("a session whose peer sends no FIN (over TLS: %s)", (secure) => {
  it.each<[string, Http2Options]>([
    ["idle for too long", { idleTimeoutMs: 20 }],
    ["used up", { maxExchanges: 1 }],
  ])("is closed when it is %s, as soon as GOAWAY and FIN have left", async (_, options) => {
    const server = await halfOpen(secure, ok);
    await using transport = http2({ tls, ...options });
    const closed = connectionClosed(server.url);
    await getText(transport, server.url);
    await closed;
    expect(transport.stats().connections).toMatchObject({ active: 0, idle: 0, draining: 0 });
    expect((await server.peers[0]!.frame(frames.goAway)).payload.readUInt32BE(4)).toBe(0);
    if (!server.peers[0]!.socket.readableEnded) await once(server.peers[0]!.socket, "end");
  });

  it("holds up no close() when nothing is in flight", async () => {
    const server = await halfOpen(secure, ok);
    const transport = http2({ tls });
    await getText(transport, server.url);
    await transport.close({ deadlineMs: Infinity });
    expect(transport.stats().connections).toMatchObject({ active: 0, idle: 0, draining: 0 });
    await server.peers[0]!.frame(frames.goAway);
  });

  it("is closed when its last stream ends, if it was to close before", async () => {
    const server = await halfOpen(secure, async (peer, stream) => {
      await peer.headers(stream, [[":status", "200"]]);
      await peer.goAway(stream);
    });
    await using transport = http2({ tls });
    const closed = connectionClosed(server.url);
    const { body } = await transport.request({ url: server.url });
    await server.peers[0]!.ping();
    await server.peers[0]!.data(1, "whole", endStream);
    expect(await body.text()).toBe("whole");
    await closed;
    expect(transport.stats().connections).toMatchObject({ active: 0, idle: 0, draining: 0 });
  });
});
