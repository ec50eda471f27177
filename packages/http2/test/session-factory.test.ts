import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { frameAnswers as answering, frameServer, setting } from "@holdfast/conformance/hostile";
import { Agent } from "http2-wrapper";
import { describe, expect, it } from "vitest";
import { sessionFactory } from "../src/session-factory.ts";

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

describe("what we use of http2-wrapper", () => {
  it("is normalizeOptions, which alone makes the key of a session", async () => {
    const keys: string[] = [];
    class Keyed extends Agent {
      override normalizeOptions(options?: object): string {
        keys.push((options as { readonly slot: string }).slot);
        return "key";
      }
      override createConnection(): never {
        throw new Error("dialled");
      }
    }
    await expect(new Keyed().getSession("https://a.example", { slot: "one" } as object)).rejects.toThrow("dialled");
    expect(keys).toEqual(["one"]);
  });

  it("is createConnection, which may give a socket of any kind, and is asked once for a session", async () => {
    await using server = await frameServer(answering());
    const socket = await connected(server.port);
    let asked = 0;
    class Given extends Agent {
      override createConnection(): Promise<never> {
        asked++;
        return Promise.resolve(socket as never);
      }
    }
    const session = await new Given({ timeout: 0 }).getSession("https://a.example");
    expect(asked).toBe(1);
    expect(session.socket.localPort).toBe(socket.localPort);
    session.destroy();
    await server.idle();
  });

  it("is what the socket says of its peer: without our words a session has another origin", async () => {
    await using server = await frameServer(answering());
    const make = sessionFactory();
    const socket = await connected(server.port);
    const session = await make(socket, { hostname: "a.example", port: 444 }, {});
    expect((socket as Socket & { readonly servername?: string }).servername).toBe("a.example");
    expect(socket.remotePort).toBe(444);
    expect((socket as Socket & { getPeerX509Certificate?(): unknown }).getPeerX509Certificate?.()).toBeUndefined();
    session.destroy();
    await server.idle();
  });

  it("is the session event, which tells of a session even if its peer allows no stream", async () => {
    await using server = await frameServer(() => {}, { settings: { [setting.maxStreams]: 0 } });
    const session = await sessionFactory()(
      await connected(server.port),
      { hostname: "127.0.0.1", port: server.port },
      {},
    );
    expect(session.remoteSettings.maxConcurrentStreams).toBe(0);
    session.destroy();
    await server.idle();
  });

  it("is not its `request`, which counts streams and holds the process for them: sessions have node's own", async () => {
    await using server = await frameServer(answering());
    const session = await sessionFactory()(
      await connected(server.port),
      { hostname: "127.0.0.1", port: server.port },
      {},
    );
    expect(Object.hasOwn(session, "request")).toBe(false);
    expect(typeof session.request).toBe("function");
    session.destroy();
    await server.idle();
  });
});

describe("a session factory", () => {
  it("gives each call a session of its own, in a burst, to one origin, with the same options", async () => {
    await using server = await frameServer(answering(), { settings: { [setting.maxStreams]: 1 } });
    const make = sessionFactory();
    const options = {};
    const sockets = await Promise.all(Array.from({ length: 8 }, () => connected(server.port)));
    const target = { hostname: "127.0.0.1", port: server.port };
    const sessions = await Promise.all(sockets.map((socket) => make(socket, target, options)));
    expect(new Set(sessions).size).toBe(8);
    expect(sessions.map(({ socket }) => socket.localPort)).toEqual(sockets.map(({ localPort }) => localPort));
    for (const session of sessions) session.destroy();
    await server.idle();
  });

  it("passes the options of each call to its session", async () => {
    await using server = await frameServer(answering());
    const make = sessionFactory();
    const target = { hostname: "127.0.0.1", port: server.port };
    for (const initialWindowSize of [70_000, 80_000]) {
      const session = await make(await connected(server.port), target, { settings: { initialWindowSize } });
      if (session.pendingSettingsAck) await once(session, "localSettings");
      expect(session.localSettings.initialWindowSize).toBe(initialWindowSize);
      session.destroy();
    }
    await server.idle();
  });

  it("makes it of the socket that it is given, whatever the options say", async () => {
    await using server = await frameServer(answering());
    const socket = await connected(server.port);
    const options = { createConnection: () => connect(server.port, "127.0.0.1"), servername: "b.example" };
    const session = await sessionFactory()(socket, { hostname: "a.example", port: 80 }, options);
    expect(session.socket.localPort).toBe(socket.localPort);
    session.destroy();
    await server.idle();
  });

  it("rejects when the socket is destroyed before SETTINGS, and the next call is not touched by it", async () => {
    await using mute = await frameServer(() => {}, { settings: null });
    await using server = await frameServer(answering());
    const make = sessionFactory();
    const socket = await connected(mute.port);
    const made = make(socket, { hostname: "a.example", port: 80 }, {});
    socket.on("error", () => {}).destroy(new Error("enough"));
    await expect(made).rejects.toThrow(/enough|SETTINGS/);
    const session = await make(await connected(server.port), { hostname: "a.example", port: 80 }, {});
    expect(session.destroyed).toBe(false);
    session.destroy();
    await server.idle();
  });

  it.each(["::1", "127.0.0.1", "a.example"])("names its peer %s as an origin does", async (hostname) => {
    await using server = await frameServer(answering());
    const session = await sessionFactory()(await connected(server.port), { hostname, port: 8443 }, {});
    expect(session.closed).toBe(false);
    session.destroy();
    await server.idle();
  });
});
