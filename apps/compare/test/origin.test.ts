import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { connect } from "node:http2";
import { get as getTls } from "node:https";
import { createConnection } from "node:net";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { http1 } from "@holdfast/http1";
import { websocket } from "@holdfast/websocket";
import { describe, expect, it, vi } from "vitest";
import { startOrigin } from "../src/origin.ts";

// Each test starts processes, and the machine may be slow.
vi.setConfig({ testTimeout: 60_000 });

describe("the local origin", () => {
  it("serves the same handler in plain and over TLS, with a certificate that verifies", async () => {
    const origin = await startOrigin();
    try {
      const received = { bytes: 0, sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" };
      const expected = { from: "holdfast-compare", method: "GET", path: "/", received };
      const [plain] = await once(get(origin.urls.plain, { agent: false }), "response");
      expect(await json(plain as NodeJS.ReadableStream)).toEqual(expected);
      const [secure] = await once(getTls(origin.urls.tls, { agent: false, ca: origin.certificate }), "response");
      expect(await json(secure as NodeJS.ReadableStream)).toEqual(expected);
    } finally {
      await origin.close();
    }
    const [error] = await once(get(origin.urls.plain, { agent: false }), "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("serves HTTP/2 on the same two ports", async () => {
    const origin = await startOrigin();
    try {
      const answers = [origin.urls.plain, origin.urls.tls].map(async (url) => {
        const session = connect(url, { ca: origin.certificate });
        const stream = session.request({ ":path": "/h2" });
        const [headers] = await once(stream, "response");
        const body = await json(stream);
        session.close();
        return { headers: headers as Record<string, unknown>, body };
      });
      for (const { headers, body } of await Promise.all(answers)) {
        expect(headers).toMatchObject({ ":status": 200, "content-type": "application/json" });
        expect(body).toMatchObject({ method: "GET", path: "/h2" });
      }
    } finally {
      await origin.close();
    }
  });

  it("answers exchanges over WebSocket on the same two ports, with the same fields and the same body", async () => {
    const origin = await startOrigin();
    const tls = { ca: origin.certificate };
    try {
      for (const url of [origin.urls.plain, origin.urls.tls, origin.countedUrls.plain, origin.countedUrls.tls]) {
        const answers = [http1({ tls }), websocket({ tls })].map(async (transport) => {
          const request = { url: new URL("/a?b=c", url), method: "POST", headers: { "x-one": "1" }, body: "hello" };
          const { status, headers, body, connection } = await transport.request(request);
          const { connection: _, "keep-alive": __, date, ...fields } = headers;
          const answer = { status, fields, dated: date !== undefined, body: await body.json() };
          await transport.close();
          return { protocol: connection.protocol, answer };
        });
        const [one, other] = await Promise.all(answers);
        expect([one?.protocol, other?.protocol]).toEqual(["http/1.1", "websocket"]);
        expect(other?.answer).toEqual(one?.answer);
        expect(other?.answer).toMatchObject({ status: 200, body: { method: "POST", path: "/a?b=c" } });
      }
    } finally {
      await origin.close();
    }
  });

  it("tells HTTP/1.1 and HTTP/2 apart however slowly the first bytes come", async () => {
    const origin = await startOrigin();
    const { hostname, port } = new URL(origin.urls.plain);
    const firstLine = async (bytes: string): Promise<string> => {
      const socket = createConnection(Number(port), hostname).setNoDelay(true);
      for (const byte of bytes) await new Promise((resolve) => socket.write(byte, "latin1", resolve));
      const [chunk] = await once(socket, "data");
      socket.destroy();
      return (chunk as Buffer).toString("latin1");
    };
    try {
      expect(await firstLine("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")).toMatch(
        /^HTTP\/1\.1 200 OK\r\n/,
      );
      // The first frame of a server is SETTINGS, of type 4, on stream 0.
      const settings = await firstLine("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0");
      expect([settings.charCodeAt(3), settings.slice(5, 9)]).toEqual([4, "\0\0\0\0"]);
    } finally {
      await origin.close();
    }
  });

  it("ends by itself when the process that started it is killed", async () => {
    const parent = fileURLToPath(new URL("start-origin.ts", import.meta.url));
    const child = spawn(process.execPath, ["--conditions=holdfast:source", parent], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.resume();
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    // The origin holds the other end of stderr, so that end is its own.
    await once(child, "close");
    expect(child.signalCode).toBe("SIGKILL");
  });
});
