import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Transport } from "@holdfast/transport";
import { type Case, type Fixture, type FixtureOptions, rule } from "../case.ts";
import { expectFailure, withinOneTurn } from "../expect-failure.ts";
import { until } from "../turn.ts";
import { waitsFor } from "../waiting.ts";

/** A peer that accepts connections and never says a word: no handshake ends, and no request is answered. */
interface SilentPeer {
  readonly url: string;
  /** Connections that were accepted. */
  readonly accepted: number;
  /** Those of them that the client has not ended. */
  readonly open: number;
}

async function withSilentPeer(
  fixture: Fixture,
  options: FixtureOptions,
  run: (peer: SilentPeer, transport: Transport) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    sockets.add(socket);
    socket.on("error", () => {});
    // Read, so that its end is seen.
    socket.resume().once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { protocol } = new URL(fixture.origin.url);
  const transport = await fixture.createTransport(options);
  try {
    await run(
      {
        url: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
        get accepted() {
          return accepted;
        },
        get open() {
          return sockets.size;
        },
      },
      transport,
    );
    waitsFor("destroy()");
    await transport.destroy();
    await until("the peer sees the end of every connection after destroy()", () => sockets.size === 0);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function silent(
  name: string,
  title: string,
  run: (peer: SilentPeer, transport: Transport) => Promise<void>,
  options: FixtureOptions = {},
): Case {
  const one = rule(`silence/${name}`, title, (fixture) => withSilentPeer(fixture, options, run));
  return { ...one, sockets: true };
}

/** The peer accepts the connection and stays silent: the handshake never ends, or, where there is none, nothing is answered. */
export const silenceCases: readonly Case[] = [
  silent(
    "destroy",
    "destroy() settles while the peer is silent, fails what waits with CLOSED, and leaves no connection",
    async (peer, transport) => {
      const failed = expectFailure(transport.request({ url: peer.url, method: "POST" }), { code: "CLOSED" });
      await until("the peer is called", () => peer.accepted > 0);
      waitsFor("destroy()");
      await transport.destroy();
      await failed;
    },
  ),
  silent(
    "destroy-warm",
    "destroy() settles while warm() waits for a silent peer, and leaves no connection",
    async (peer, transport) => {
      const warmed = transport.warm(peer.url);
      warmed.catch(() => {});
      await until("the peer is called", () => peer.accepted > 0);
      waitsFor("destroy()");
      await transport.destroy();
      await Promise.allSettled([warmed]);
    },
  ),
  silent("abort", "an abort while the peer is silent settles within one turn", async (peer, transport) => {
    const gone = new AbortController();
    const answer = transport.request({ url: peer.url, method: "POST", signal: gone.signal });
    answer.catch(() => {});
    await until("the peer is called", () => peer.accepted > 0);
    gone.abort();
    await expectFailure(withinOneTurn(answer), { code: "ABORTED" });
  }),
  silent(
    "close",
    "close() gives a silent peer up at its deadline, and leaves no connection",
    async (peer, transport) => {
      const failed = expectFailure(transport.request({ url: peer.url, method: "POST" }), { code: "CLOSED" });
      await until("the peer is called", () => peer.accepted > 0);
      waitsFor("close()");
      await transport.close({ deadlineMs: 40 });
      await failed;
    },
  ),
  silent("deadline", "a deadline ends the wait for a silent peer", async (peer, transport) => {
    const late = transport.request({ url: peer.url, method: "POST", deadlineMs: 100 });
    await expectFailure(late, { code: "DEADLINE_EXCEEDED" });
  }),
  silent(
    "timeout",
    "a silent peer is CONNECT_TIMEOUT while the connection is made, else HEAD_TIMEOUT, and its connection is ended",
    async (peer, transport) => {
      const late = transport.request({ url: peer.url, method: "POST" });
      const error = await expectFailure(late, { code: ["CONNECT_TIMEOUT", "HEAD_TIMEOUT"] });
      assert.equal(error.delivery, error.code === "CONNECT_TIMEOUT" ? "not-sent" : "maybe-sent");
      await until("the peer sees the end of the connection", () => peer.accepted > 0 && peer.open === 0);
    },
    { timeouts: { connectMs: 100, headMs: 100 } },
  ),
];
