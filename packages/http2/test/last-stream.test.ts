import type { ClientHttp2Session } from "node:http2";
import { endStream, failure, frameAnswers, frameServer, getText } from "@holdfast/conformance/hostile";
import { pooledTransport } from "@holdfast/pool";
import type { Transport } from "@holdfast/transport";
import { expect, it, describe } from "vitest";
import { http2 } from "../src/index.ts";
import { openSession } from "../src/open-session.ts";
import { type Http2Options, parseHttp2Options } from "../src/options.ts";
import { sessionFactory } from "../src/session-factory.ts";
import { http2Driver } from "../src/sessions.ts";

/** Missing in the types of node. */
type Session = ClientHttp2Session & { setNextStreamID(id: number): void };

/** The adapter, but its first session has identifiers for two streams only. */
function shortLived(options: Http2Options = {}): Transport {
  const parsed = parseHttp2Options(options);
  const make = sessionFactory();
  let sessions = 0;
  const makeSession: typeof make = async (...args) => {
    const session = await make(...args);
    if (sessions++ === 0) (session as Session).setNextStreamID(2 ** 31 - 3);
    return session;
  };
  const driver = {
    ...http2Driver(parsed),
    dial: (...[target, owner, timeoutMs, push]: Parameters<ReturnType<typeof http2Driver>["dial"]>) =>
      openSession(target, owner, timeoutMs, push, parsed, makeSession),
  };
  const { capabilities } = http2();
  return pooledTransport(driver, parsed.pool, { vendor: "test", capabilities, schemes: ["http:"] });
}

describe("a session that has used up its stream identifiers", () => {
  it("sends whatever comes next to another session, whatever its method, and finishes what runs on it", async () => {
    const finish = Promise.withResolvers<void>();
    await using server = await frameServer(
      frameAnswers(async ({ stream, path }, peer) => {
        await peer.headers(stream, [[":status", "200"]]);
        if (path === "/last") await finish.promise;
        await peer.data(stream, "ok", endStream);
      }),
    );
    await using transport = shortLived();
    expect(await getText(transport, `${server.url}/first`)).toBe("ok");
    const last = await transport.request({ url: `${server.url}/last` });
    const body = async function* (): AsyncGenerator<Uint8Array, void, void> {
      yield Buffer.from("x");
    };
    const next = await transport.request({ url: `${server.url}/next`, method: "POST", body: body() });
    expect(await next.body.text()).toBe("ok");
    expect(transport.stats().connections).toMatchObject({ draining: 1, idle: 1 });
    finish.resolve();
    expect(await last.body.text()).toBe("ok");
    await server.peers[0]!.closed;
    expect(server.requests.map(({ path, connection, stream }) => [path, connection, stream])).toEqual([
      ["/first", 0, 2 ** 31 - 3],
      ["/last", 0, 2 ** 31 - 1],
      ["/next", 1, 1],
    ]);
    expect(transport.stats().totals).toMatchObject({ exchangesReplayed: 1, exchangesFailed: 0 });
  });

  it("leaves an exchange that finds no other session unsent", async () => {
    await using server = await frameServer((peer) => (peer.index === 0 ? frameAnswers()(peer) : peer.reset()));
    await using transport = shortLived();
    await getText(transport, server.url);
    await getText(transport, server.url);
    const error = await failure(transport.request({ url: server.url, method: "POST" }));
    expect(error).toMatchObject({ delivery: "not-sent", replaySafe: true });
    expect(error.attempts[0]).toMatchObject({ code: "CONNECTION_LOST", delivery: "not-sent" });
    expect(error.attempts[0]!.cause).toMatchObject({ code: "ERR_HTTP2_OUT_OF_STREAMS" });
    expect(server.requests).toHaveLength(2);
  });
});
