import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  failure,
  getText,
  ok,
  rawAnswers as answering,
  type RawServer,
  rawServer,
} from "@holdfast/conformance/hostile";
import { describe, expect, it, onTestFinished } from "vitest";
import { http1 } from "../src/index.ts";

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await turn();
}

/** What a process of its own says of one use of a transport that it never closes, and how it ends. */
async function clientProcess(what: string, server: RawServer): Promise<{ said: string; code: number | null }> {
  const program = fileURLToPath(new URL("client-process.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=holdfast:source", program, what, server.url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill());
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, "exit") as Promise<[number | null]>]);
  return { said, code };
}

describe("a process", () => {
  it("with an idle connection ends by itself", { timeout: 30_000 }, async () => {
    await using server = await rawServer(answering(() => ok()));
    expect(await clientProcess("request", server)).toEqual({ said: "asked\n200 ok\n", code: 0 });
  });

  it("with a warm connection that was never used ends by itself", { timeout: 30_000 }, async () => {
    await using server = await rawServer(() => {});
    expect(await clientProcess("warm", server)).toEqual({ said: "warmed up\n", code: 0 });
    expect(server.peers).toHaveLength(2);
  });

  it("with a pending request does not end before it settles", { timeout: 30_000 }, async () => {
    await using server = await rawServer(
      answering(async () => {
        // Time enough to end, had it nothing to wait for.
        for (let turns = 0; turns < 20_000; turns++) await turn();
        return ok("at last");
      }),
    );
    expect(await clientProcess("request", server)).toEqual({ said: "asked\n200 at last\n", code: 0 });
  });

  it("with a request that gets no answer ends after that has timed out", { timeout: 30_000 }, async () => {
    await using server = await rawServer(() => {});
    expect(await clientProcess("no-answer", server)).toEqual({ said: "asked\nHEAD_TIMEOUT\n", code: 0 });
  });
});

describe("an idle connection", () => {
  it("is closed after idleTimeoutMs", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1({ idleTimeoutMs: 50 });
    await getText(transport, server.url);
    await server.peers[0]?.closed;
    await until(() => Object.keys(transport.stats().origins).length === 0);
    expect(transport.stats().totals).toMatchObject({ connectionsOpened: 1, connectionsClosed: 1 });
  });

  it("is replaced after maxAgeMs", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1({ maxAgeMs: 50 });
    await getText(transport, server.url);
    await server.peers[0]?.closed;
    expect(await getText(transport, server.url)).toBe("ok");
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });
});

describe("close()", () => {
  it("lets what is in flight and what waits finish, refuses what is new, and leaves no connection", async () => {
    const answer = Promise.withResolvers<string>();
    await using server = await rawServer(answering(() => answer.promise));
    const transport = http1({ maxConnections: 1 });
    const texts = ["/a", "/b"].map((path) => getText(transport, server.url + path));
    await until(() => server.requests.length === 1);
    const closed = transport.close();
    expect(await failure(transport.request({ url: server.url }))).toMatchObject({
      code: "CLOSED",
      delivery: "not-sent",
      phase: "queue",
    });
    answer.resolve(ok());
    expect(await Promise.all(texts)).toEqual(["ok", "ok"]);
    await closed;
    await transport.close();
    await server.idle();
    expect(transport.stats()).toMatchObject({
      connections: { connecting: 0, active: 0, idle: 0, draining: 0 },
      exchanges: { queued: 0, inFlight: 0 },
      origins: {},
    });
  });

  it("waits for a body that is being read", async () => {
    const rest = Promise.withResolvers<void>();
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha");
      await rest.promise;
      await peer.write("lf");
    });
    const transport = http1();
    const { body } = await transport.request({ url: server.url });
    const closed = transport.close();
    const read = body.text();
    rest.resolve();
    expect(await read).toBe("half");
    await closed;
    await server.idle();
  });

  it("destroys what is left when its deadline is over", async () => {
    await using server = await rawServer(async (peer) => void (await peer.request()));
    const transport = http1({ maxConnections: 1 });
    const outcomes = ["/a", "/b"].map((path) => failure(transport.request({ url: server.url + path })));
    await until(() => server.requests.length === 1);
    await transport.close({ deadlineMs: 30 });
    const [running, waiting] = await Promise.all(outcomes);
    expect(running).toMatchObject({ code: "CLOSED", phase: "head", delivery: "maybe-sent" });
    expect(waiting).toMatchObject({ code: "CLOSED", phase: "queue", delivery: "not-sent" });
    expect(running?.cause).toMatchObject({ name: "TimeoutError" });
    await server.idle();
  });
});

describe("destroy()", () => {
  it("fails what is in flight, what waits and what is being read with the reason, and leaves no connection", async () => {
    await using server = await rawServer(async (peer) => {
      const { path } = await peer.request();
      if (path === "/body") await peer.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha");
    });
    const transport = http1({ maxConnections: 2 });
    const { body } = await transport.request({ url: `${server.url}/body` });
    const outcomes = [
      failure(body.bytes()),
      failure(transport.request({ url: `${server.url}/head`, method: "POST" })),
      failure(transport.request({ url: `${server.url}/queue` })),
    ];
    await until(() => server.requests.length === 2);
    const reason = new Error("the process ends");
    await transport.destroy(reason);
    await transport.destroy();
    expect(await Promise.all(outcomes)).toMatchObject([
      { code: "CLOSED", phase: "body", delivery: "answered", cause: reason },
      { code: "CLOSED", phase: "head", delivery: "maybe-sent", cause: reason },
      { code: "CLOSED", phase: "queue", delivery: "not-sent", cause: reason },
    ]);
    await server.idle();
    expect(transport.stats().origins).toEqual({});
  });

  it("ends a dial", async () => {
    await using server = await rawServer(() => {});
    const transport = http1();
    const outcome = failure(transport.request({ url: server.url.replace("http:", "https:") }));
    await until(() => server.peers.length === 1);
    await transport.destroy();
    expect(await outcome).toMatchObject({ code: "CLOSED", phase: "secure", delivery: "not-sent" });
    await server.idle();
  });

  it("ends a warm connection that was never used", async () => {
    await using server = await rawServer(() => {});
    const transport = http1();
    await transport.warm(server.url);
    await transport.destroy();
    await server.idle();
    expect(transport.stats().totals).toMatchObject({ connectionsOpened: 1, connectionsClosed: 1 });
  });
});
