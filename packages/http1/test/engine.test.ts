import { once } from "node:events";
import { connect, type Socket } from "node:net";
import {
  ok,
  rawAnswers as answering,
  type RawPeer as Peer,
  rawServer,
  type RawServer,
} from "@holdfast/conformance/hostile";
import { Client, type Dispatcher } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";

// What the adapter relies on in undici without its documentation saying so. A new version of undici that fails here needs
// a look at the file that each test names.

type Event = "start" | "sent" | "started" | "data" | "end" | "error" | "disconnect";

interface Run {
  readonly client: Client;
  readonly events: Event[];
  readonly statuses: number[];
  readonly socket: () => Socket;
  /** Dispatches and settles with the error, or undefined at the end. */
  dispatch(
    options?: Partial<Dispatcher.DispatchOptions>,
    handler?: Dispatcher.DispatchHandler,
  ): Promise<Error | undefined>;
}

function run(server: RawServer, options: Client.Options = {}): Run {
  const events: Event[] = [];
  const statuses: number[] = [];
  let socket: Socket | undefined;
  const client = new Client(server.url, {
    allowH2: false,
    useMilo: false,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_, attach) => {
      socket = connect(server.port, "127.0.0.1", () => attach(null, socket as Socket));
      // undici adds its own listener once it has the socket.
      socket.on("error", () => {});
    },
    ...options,
  });
  client.on("disconnect", () => events.push("disconnect"));
  onTestFinished(() => client.destroy());
  return {
    client,
    events,
    statuses,
    socket: () => socket as Socket,
    dispatch: (more, handler) =>
      new Promise((resolve) => {
        const request: Dispatcher.DispatchOptions = { path: "/", method: "GET", ...more };
        client.dispatch(request, {
          onRequestStart: () => void events.push("start"),
          onRequestSent: () => void events.push("sent"),
          onResponseStarted: () => void events.push("started"),
          onResponseStart: (_, status) => void statuses.push(status),
          onResponseData: () => void events.push("data"),
          onResponseEnd: () => {
            events.push("end");
            resolve(undefined);
          },
          onResponseError: (_, error) => {
            events.push("error");
            resolve(error);
          },
          ...handler,
        });
      }),
  };
}

/** Answers the first request with these bytes and then does what `after` does. */
function then(bytes: string, after: (peer: Peer) => void = () => {}): (peer: Peer) => Promise<void> {
  return async (peer) => {
    await peer.request();
    await peer.write(bytes);
    after(peer);
  };
}

const fin = (peer: Peer): void => peer.fin();
const head = "HTTP/1.1 200 OK\r\n";

describe("undici's errors (errors.ts)", () => {
  it.each([
    ["100 Continue", "bad response"],
    ["101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other", "bad upgrade"],
  ])("tell an unasked %s by the words '%s' alone", async (line, words) => {
    await using server = await rawServer(then(`HTTP/1.1 ${line}\r\n\r\n`));
    const error = await run(server).dispatch();
    expect(error).toMatchObject({ code: "UND_ERR_SOCKET", message: words });
  });

  it("tell a chunked body that the end of the connection cut by llhttp's words alone", async () => {
    await using server = await rawServer(
      then(`${head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`, fin),
    );
    const error = await run(server).dispatch();
    expect(error).toMatchObject({ name: "HTTPParserError", code: undefined });
    expect(error?.message).toContain("Invalid EOF state");
  });

  it("tell garbage by the name HTTPParserError", async () => {
    await using server = await rawServer(then("SSH-2.0-OpenSSH_9.2\r\n"));
    const error = await run(server).dispatch();
    expect(error?.name).toBe("HTTPParserError");
    expect(error?.message).not.toContain("Invalid EOF state");
  });

  it("tell a status below 100 by a failed assertion", async () => {
    await using server = await rawServer(then("HTTP/1.1 099 Odd\r\n\r\n"));
    expect(await run(server).dispatch()).toMatchObject({ code: "ERR_ASSERTION" });
  });

  it("tell a head that is too long by UND_ERR_HEADERS_OVERFLOW", async () => {
    await using server = await rawServer(then(`${head}x-long: ${"x".repeat(300)}\r\n\r\n`));
    const error = await run(server, { maxHeaderSize: 200 }).dispatch();
    expect(error).toMatchObject({ code: "UND_ERR_HEADERS_OVERFLOW" });
  });

  it("tell a request body of another length than was declared by UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", async () => {
    await using server = await rawServer(() => {});
    const body = (async function* () {
      yield Buffer.from("four");
    })();
    const error = await run(server).dispatch({ method: "POST", headers: ["content-length", "9"], body: body as never });
    expect(error).toMatchObject({ code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" });
  });

  it("do not exist for a body without a length that RST cut: it ends", async () => {
    await using server = await rawServer(then(`${head}\r\nhalf`, (peer) => peer.reset()));
    const { dispatch, events } = run(server);
    expect(await dispatch()).toBeUndefined();
    expect(events).toContain("end");
  });
});

describe("undici's order of events (exchange.ts)", () => {
  it("tells of the first byte of a head before the head is whole", async () => {
    await using server = await rawServer(then("HTTP/1.1 2", fin));
    const { dispatch, events } = run(server);
    await dispatch();
    expect(events.slice(0, 4)).toEqual(["start", "sent", "started", "error"]);
  });

  it("tells of no first byte where none came", async () => {
    await using server = await rawServer(then("", fin));
    const { dispatch, events } = run(server);
    await dispatch();
    expect(events.slice(0, 3)).toEqual(["start", "sent", "error"]);
  });

  it("disconnects once, after the error", async () => {
    await using server = await rawServer(then("", fin));
    const { client, dispatch, events } = run(server);
    const gone = once(client, "disconnect");
    await dispatch();
    await gone;
    expect(events.slice(-2)).toEqual(["error", "disconnect"]);
    expect(events.filter((event) => event === "disconnect")).toHaveLength(1);
  });

  it("tells of the end before it closes a connection that cannot be kept, and closes it within the same step", async () => {
    await using server = await rawServer(then(ok("ok", "connection: close\r\n")));
    const { dispatch, socket } = run(server);
    const destroyed: boolean[] = [];
    const ended = Promise.withResolvers<void>();
    void dispatch(
      {},
      {
        onResponseEnd: () => {
          destroyed.push(socket().destroyed);
          void Promise.resolve().then(() => {
            destroyed.push(socket().destroyed);
            ended.resolve();
          });
        },
      },
    );
    await ended.promise;
    expect(destroyed).toEqual([false, true]);
  });
});

describe("undici's connections (connection.ts, options.ts)", () => {
  it("are untouched by a request whose onRequestStart throws", async () => {
    await using server = await rawServer(answering(() => ok()));
    const { dispatch, events } = run(server);
    await dispatch();
    const refusal = new Error("the caller gave up");
    const error = await dispatch(
      { path: "/never" },
      {
        onRequestStart: () => {
          throw refusal;
        },
      },
    );
    expect(error).toBe(refusal);
    await dispatch();
    expect(server.requests.map(({ path, connection }) => [path, connection])).toEqual([
      ["/", 0],
      ["/", 0],
    ]);
    expect(events).not.toContain("disconnect");
  });

  it("survive a short Keep-Alive hint where keepAliveTimeoutThreshold is negative", async () => {
    await using server = await rawServer(answering(() => ok("ok", "keep-alive: timeout=1\r\n")));
    const neverMs = 2 ** 31 - 1;
    const { dispatch } = run(server, {
      keepAliveTimeout: neverMs,
      keepAliveMaxTimeout: neverMs,
      keepAliveTimeoutThreshold: -neverMs,
    });
    await dispatch();
    await dispatch();
    expect(server.peers).toHaveLength(1);
  });

  it.each([
    ["HEAD", undefined],
    ["GET", "a body that GET does not call for"],
  ] as const)("survive %s where reset is false", async (method, body) => {
    await using server = await rawServer(
      answering(({ method: asked }) => (asked === "HEAD" ? `${head}content-length: 2\r\n\r\n` : ok())),
    );
    const { dispatch } = run(server);
    await dispatch({ method, reset: false, body: body ?? null });
    await dispatch({ method, reset: false, body: body ?? null });
    expect(server.peers).toHaveLength(1);
  });

  it("end for good where the connector is called back with an error without a code", async () => {
    await using server = await rawServer(() => {});
    let dials = 0;
    const { dispatch } = run(server, {
      connect: (_, attach) => {
        dials++;
        queueMicrotask(() => attach(new Error("the connection is gone"), null));
      },
    });
    expect(await dispatch()).toMatchObject({ message: "the connection is gone" });
    expect(dials).toBe(1);
  });

  it("go on where the connector is called back in a later microtask", async () => {
    await using server = await rawServer(answering(() => ok()));
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    const { dispatch, statuses } = run(server, {
      connect: (_, attach) => queueMicrotask(() => attach(null, socket)),
    });
    expect(await dispatch()).toBeUndefined();
    expect(statuses).toEqual([200]);
  });

  it("end on bytes that nobody asked for", async () => {
    await using server = await rawServer(then(ok("ok") + ok("poison")));
    const { client, dispatch, events } = run(server);
    const gone = once(client, "disconnect");
    expect(await dispatch()).toBeUndefined();
    await gone;
    expect(events.filter((event) => event === "end")).toHaveLength(1);
  });
});
