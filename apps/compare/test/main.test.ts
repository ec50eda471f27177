import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerOver, socketPipe } from "@holdfast/exchange";
import { generate } from "selfsigned";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import type { ReportJson } from "../src/report-json.ts";
import { runCompare, startCompare } from "./run-compare.ts";

// Each test starts processes, and the machine may be slow.
vi.setConfig({ testTimeout: 60_000 });

let directory = "";
let certificate = { cert: "", private: "" };
const cleanups: (() => void)[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-compare-"));
  certificate = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  await writeFile(join(directory, "ca.pem"), certificate.cert);
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});
afterAll(() => rm(directory, { recursive: true }));

async function listen(server: Server | Http2SecureServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  cleanups.push(() => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function serve(handler: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(createServer(handler))}/`;
}

/** Accepts connections and says nothing. */
async function listenSilently(): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => sockets.add(socket.on("error", () => undefined).resume())).listen(
    0,
    "127.0.0.1",
  );
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function runWithJson(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string; json: ReportJson }> {
  const file = join(directory, "report.json");
  await rm(file, { force: true });
  const ended = await runCompare(...args, "--json", file);
  return { ...ended, json: JSON.parse(await readFile(file, "utf8")) as ReportJson };
}

describe("without a url", () => {
  it("compares over its own origin, in plain and over TLS, and the figures add up", async () => {
    const { code, stdout, stderr, json } = await runWithJson("--requests", "60");
    expect(stderr.split("\n")).toEqual(
      ["plain", "tls"]
        .flatMap((name) => [`${name}, warm-up`, ...[1, 2, 3, 4].map((round) => `${name}, round ${round} of 4`)])
        .concat(""),
    );
    expect(stdout.match(/are equal byte for byte: status 200/g)).toHaveLength(2);
    expect(stdout).not.toContain("\u001b");
    expect(json).toMatchObject({
      schema: 1,
      outcome: "ok",
      targets: [{ name: "plain" }, { name: "tls", tlsVersion: "TLSv1.3" }],
    });
    for (const { name, transports, network, equality } of json.targets) {
      expect({ network, verdict: equality?.verdict }).toEqual({ network: "loopback", verdict: "equal" });
      const [fresh, kept, ...multiplexed] = transports;
      expect(fresh).toMatchObject({
        answered: 60,
        failed: 0,
        reusedShare: 0,
        connections: { opened: 60, openedByStats: 60 },
      });
      expect(kept).toMatchObject({ answered: 60, failed: 0 });
      expect(kept?.connections.opened).toBeLessThanOrEqual(16);
      expect(kept?.reusedShare).toBeCloseTo((60 - (kept?.connections.opened ?? 0)) / 60);
      expect(transports.map((one) => [one.name, one.maxStreams === null])).toEqual([
        ["http1-no-reuse", true],
        ["http1", true],
        [name === "tls" ? "h2" : "h2c", false],
        ["websocket", false],
      ]);
      for (const one of multiplexed) {
        expect(one).toMatchObject({ answered: 60, failed: 0, connections: { opened: 1, openedByStats: 1 } });
        expect(one.maxStreams).toBeGreaterThan(1);
        expect(one.maxStreams).toBeLessThanOrEqual(16);
      }
      for (const { protocol, heads } of transports) {
        expect(heads?.exchanges).toBe(60);
        const saved = (heads?.sentTextBytes ?? 0) - (heads?.sentBytes ?? 0);
        if (protocol === "h2") expect(saved).toBeGreaterThan(60 * 20);
        if (protocol === "http/1.1") expect(saved).toBe(0);
      }
      for (const { handshakes, connections, latencyMs, cpuMicrosPerRequest, rounds } of transports) {
        expect(handshakes.full + handshakes.resumed).toBe(name === "tls" ? connections.opened : 0);
        expect(latencyMs?.p50).toBeGreaterThan(0);
        expect(cpuMicrosPerRequest).toBeGreaterThan(0);
        expect(rounds.map(({ answered }) => answered)).toEqual([15, 15, 15, 15]);
      }
    }
    expect(code).toBe(0);
  });

  it("puts the origin a round trip away with --rtt: every exchange pays for it, and for each handshake that it waits for", async () => {
    const { code, stdout, json } = await runWithJson("--rtt", "15", "--requests", "20", "--concurrency", "4");
    expect(stdout).toMatch(/^Node\.js .*, loopback, an emulated round trip of 15 ms$/m);
    expect(json.workload.roundTripMs).toBe(15);
    for (const { name, equality, transports } of json.targets) {
      expect(equality?.verdict).toBe("equal");
      expect(transports).toHaveLength(4);
      for (const { latencyMs } of transports) expect(latencyMs?.min).toBeGreaterThanOrEqual(15);
      // TCP, and one of TLS 1.3 where there is TLS.
      expect(transports[0]?.latencyMs?.min).toBeGreaterThanOrEqual(name === "tls" ? 45 : 30);
    }
    expect(code).toBe(0);
  });

  it("prints what it has on Ctrl-C, ends its child and exits with 130", async () => {
    const { child, wrote, ended } = startCompare("--requests", "20000");
    await wrote("plain, round 2 of 4");
    child.kill("SIGINT");
    const { code, stdout } = await ended;
    expect(stdout).toMatch(/^HTTP\/1\.1 keep-alive +[\d,]+ /m);
    expect(stdout).toContain("Interrupted: the figures cover what was measured until then.");
    expect(code).toBe(130);
  });
});

describe("with a url", () => {
  it("sends the request that was asked for, over each transport that the server speaks, and no other", async () => {
    const seen = new Map<string, number>();
    let connections = 0;
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        const line = [
          request.method,
          request.url,
          request.headers["x-one"],
          request.headers["content-length"],
          body,
        ].join(" ");
        seen.set(line, (seen.get(line) ?? 0) + 1);
        response.end("thanks");
      });
    }).on("connection", () => (connections += 1));
    const url = `http://127.0.0.1:${await listen(server)}/path?q=1`;
    const { code, stdout, json } = await runWithJson(
      "--requests",
      "40",
      "--concurrency",
      "4",
      "--header",
      "x-one: 1",
      "--body",
      "hi",
      url,
    );
    // Three probes, ten to warm up and forty that count; the probes share no connection on the first transport. Then there
    // is the upgrade, which node takes for a request like any where nobody listens for it.
    expect([...seen]).toEqual([
      ["POST /path?q=1 1 2 hi", 3 + 2 * (10 + 40)],
      ["GET /   ", 1],
    ]);
    const [fresh, kept] = json.targets[0]?.transports ?? [];
    expect([fresh?.connections.opened, kept?.connections.opened]).toEqual([40, 4]);
    expect(connections).toBeGreaterThanOrEqual(2 + 10 + 40 + 4);
    expect(json.targets[0]?.answer).toMatchObject({ status: 200, bodyBytes: 6 });
    expect([fresh?.heads, kept?.heads]).toEqual([null, null]);
    expect(json.targets[0]?.leftOut).toMatchObject([
      { name: "h2c", subprotocol: null, failure: { code: "NEGOTIATION_FAILED" } },
      { name: "websocket", subprotocol: "holdfast.mux.v1", failure: { code: "NEGOTIATION_FAILED" } },
    ]);
    expect(stdout).toContain(
      `\nHTTP/2 (h2c) is left out: ${new URL(url).origin} does not speak it.\n` +
        `WebSocket is left out: ${new URL(url).origin} does not speak holdfast.mux.v1 over it.\n`,
    );
    expect(code).toBe(0);
  });

  it("tells a transport whose answers are not the others'", async () => {
    const served = new WeakMap<Socket, number>();
    const url = await serve(({ socket }, response) => {
      served.set(socket, (served.get(socket) ?? 0) + 1);
      response.end(served.get(socket) === 1 ? "first" : "later");
    });
    const { code, stdout, json } = await runWithJson("--requests", "40", url);
    expect(stdout).toContain("Answers differ: HTTP/1.1 keep-alive has a body that differs from byte 0 on (");
    expect(json.targets[0]?.equality?.differences).toMatchObject([{ transport: "http1", part: "body" }]);
    expect(code).toBe(1);
  });

  it("forgives bodies that vary over one transport too", async () => {
    let count = 1_000;
    const url = await serve((_, response) => response.end(`answer ${++count}`));
    const { code, stdout } = await runCompare("--requests", "40", url);
    expect(stdout).toContain("Answers: the bodies vary by themselves; all 80 agree in status 200 and length class.");
    expect(code).toBe(0);
  });

  it("counts failures by code and goes on", async () => {
    let count = 0;
    const url = await serve((_, response) => {
      // The probes and the warm-up are whole.
      const broken = ++count > 3 + 2 * 10 && count % 10 === 0;
      response.writeHead(200, { "content-length": 10 });
      if (broken) response.write("half", () => response.destroy());
      else response.end("0123456789");
    });
    const { code, stdout, json } = await runWithJson("--requests", "40", "--concurrency", "2", url);
    const transports = json.targets[0]?.transports ?? [];
    expect(transports.map(({ answered, failed }) => answered + failed)).toEqual([40, 40]);
    expect(transports.map(({ failures }) => failures["TRUNCATED"] ?? 0).reduce((a, b) => a + b)).toBe(8);
    expect(stdout).toContain("the connection ended inside the response body.");
    expect(code).toBe(1);
  });

  it("stops early when the server is gone", async () => {
    let count = 0;
    const server = createServer((_, response) => {
      response.end("here");
      // In the first measured round.
      if (++count !== 3 + 2 * 500 + 100) return;
      server.close();
      server.closeAllConnections();
    });
    const { code, stdout, json } = await runWithJson(`http://127.0.0.1:${await listen(server)}/`);
    expect(stdout).toContain("Stopped early, because request after request failed over HTTP/1.1 no reuse.");
    expect(json.targets[0]?.stoppedEarly).toBe(true);
    const [fresh] = json.targets[0]?.transports ?? [];
    expect(fresh?.failures["CONNECT_FAILED"]).toBeGreaterThanOrEqual(5);
    expect(fresh?.failed).toBeLessThan(100);
    expect(code).toBe(1);
  });
});

describe("a host that cannot be measured", () => {
  it("is told in one sentence when nobody listens", async () => {
    const port = await deadPort();
    const { code, stdout, stderr, json } = await runWithJson(`http://127.0.0.1:${port}/`);
    expect(stderr).toBe(`Could not reach http://127.0.0.1:${port}: connecting failed: connection refused.\n`);
    expect(stdout).toBe("");
    expect(json).toMatchObject({
      outcome: "failed",
      targets: [{ probeFailure: { code: "CONNECT_FAILED", phase: "connect" } }],
    });
    expect(code).toBe(1);
  });

  it("is told in one sentence when it never answers", async () => {
    const port = await listenSilently();
    const { code, stderr } = await runCompare("--timeout", "200", `http://127.0.0.1:${port}/`);
    expect(stderr).toBe(
      `No answer from http://127.0.0.1:${port}: waiting for the response head took longer than 200 ms (--timeout).\n`,
    );
    expect(code).toBe(1);
  });

  it("is told in one sentence when it never answers the TLS handshake", async () => {
    const port = await listenSilently();
    const { code, stderr } = await runCompare("--timeout", "200", `https://127.0.0.1:${port}/`);
    expect(stderr).toBe(
      `Could not reach https://127.0.0.1:${port}: the TLS handshake took longer than 200 ms (--timeout).\n`,
    );
    expect(code).toBe(1);
  });

  it("is told in one sentence when it speaks no TLS", async () => {
    const url = await serve((_, response) => response.end());
    const { code, stderr } = await runCompare(url.replace("http:", "https:"));
    expect(stderr).toMatch(
      /^Could not reach https:\S+: the TLS handshake failed: the other side does not speak TLS\.\n$/,
    );
    expect(code).toBe(1);
  });
});

describe("a self-signed certificate", () => {
  async function serveTls(): Promise<string> {
    const { cert, private: key } = certificate;
    return `https://127.0.0.1:${await listen(createTlsServer({ cert, key }, (_, response) => response.end("secret")))}/`;
  }

  it("is refused, with a remedy", async () => {
    const url = await serveTls();
    const { code, stdout, stderr } = await runCompare("--requests", "20", url);
    expect(stderr).toBe(
      `Could not reach ${url.slice(0, -1)}: the TLS handshake failed: the certificate is self-signed. Trust it with --ca FILE, or skip the check with --insecure.\n`,
    );
    expect(stdout).toBe("");
    expect(code).toBe(1);
  });

  it.each([["--insecure"], ["--ca", "ca.pem"]])("is accepted with %s %s", async (...option) => {
    const args = option.map((arg) => (arg.endsWith(".pem") ? join(directory, arg) : arg));
    const { code, stdout } = await runCompare("--requests", "20", ...args, await serveTls());
    expect(stdout).toContain("all 40 are equal byte for byte: status 200, a body of 6 bytes.");
    expect(code).toBe(0);
  });
});

describe("a server that speaks HTTP/2 over TLS", () => {
  it("is compared over HTTP/1.1 and HTTP/2, and sees as many exchanges of each", async () => {
    const { cert, private: key } = certificate;
    const seen = new Map<string, number>();
    const server = createSecureServer({ cert, key, allowHTTP1: true }, ({ httpVersion }, response) => {
      seen.set(httpVersion, (seen.get(httpVersion) ?? 0) + 1);
      response.end("secret");
    });
    const url = `https://127.0.0.1:${await listen(server)}/`;
    const { code, stdout, json } = await runWithJson("--requests", "20", "--insecure", url);
    expect(stdout).toContain("all 60 are equal byte for byte: status 200, a body of 6 bytes.");
    expect(json.targets[0]?.leftOut).toMatchObject([{ name: "websocket" }]);
    expect(json.targets[0]?.transports.map(({ name }) => name)).toEqual(["http1-no-reuse", "http1", "h2"]);
    // One of them is the upgrade that was asked for.
    expect(Object.fromEntries(seen)).toEqual({ "1.1": 3 + 2 * (5 + 20) + 1, "2.0": 1 + 5 + 20 });
    expect(code).toBe(0);
  });
});

describe("a server that takes upgrades to WebSocket", () => {
  async function serveUpgrades(serve: (socket: WebSocket) => void): Promise<string> {
    const server = createServer((_, response) => response.end("secret"));
    const sockets = new WebSocketServer({ server });
    cleanups.push(() => {
      for (const socket of sockets.clients) socket.terminate();
    });
    sockets.on("connection", serve);
    return `http://127.0.0.1:${await listen(server)}/`;
  }

  it("is compared over it too if exchanges are answered there", async () => {
    const url = await serveUpgrades((socket) => {
      answerOver(socketPipe(socket, { bytesRead: 0, ref: () => {}, unref: () => {} }), () => ({ body: "secret" }));
    });
    const { code, stdout, json } = await runWithJson("--requests", "20", url);
    expect(json.targets[0]?.transports.map(({ name }) => name)).toEqual(["http1-no-reuse", "http1", "websocket"]);
    expect(stdout).toContain("all 60 are equal byte for byte: status 200, a body of 6 bytes.");
    expect(code).toBe(0);
  });

  it("is compared without it if it says what is none of the sub-protocol", async () => {
    const url = await serveUpgrades((socket) => socket.send("hello"));
    const { code, stdout, json } = await runWithJson("--requests", "20", url);
    expect(json.targets[0]?.transports.map(({ name }) => name)).toEqual(["http1-no-reuse", "http1"]);
    expect(stdout).toContain(
      `\nWebSocket is left out: ${new URL(url).origin} does not speak holdfast.mux.v1 over it.\n`,
    );
    expect(code).toBe(0);
  });

  it("is compared without it if it says nothing", async () => {
    const url = await serveUpgrades(() => undefined);
    const { code, stdout } = await runCompare("--requests", "20", "--timeout", "500", url);
    expect(stdout).toContain(
      `\nWebSocket is left out: no such connection to ${new URL(url).origin} could be made (CONNECT_TIMEOUT).\n`,
    );
    expect(code).toBe(0);
  });
});

describe("the command line", () => {
  it("exits with 2 and a sentence if it makes no sense", async () => {
    const { code, stdout, stderr } = await runCompare("--requests", "many");
    expect(stderr).toBe('--requests takes a whole number from 1 to 10,000,000, not "many".\nTry --help.\n');
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("prints help and the version", async () => {
    const [help, version] = await Promise.all([runCompare("--help"), runCompare("--version")]);
    expect(help.stdout).toMatch(/^Usage: holdfast-compare \[options\] \[url\]\n/);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect([help.code, version.code]).toEqual([0, 0]);
  });

  it("prints Markdown, and writes a page, if it is asked to", async () => {
    const url = await serve((_, response) => response.end("here"));
    const file = join(directory, "report.html");
    const { code, stdout } = await runCompare("--requests", "10", "--md", "--html", file, url);
    expect(stdout).toMatch(/^\| HTTP\/1\.1 keep-alive \| [\d,]+ \| /m);
    expect(await readFile(file, "utf8")).toContain("✓ Answers: all 20 are equal byte for byte");
    expect(code).toBe(0);
  });

  it("still prints the table if a file cannot be written, and exits with 1", async () => {
    const url = await serve((_, response) => response.end("here"));
    const file = join(directory, "missing", "report.json");
    const { code, stdout, stderr } = await runCompare("--requests", "10", "--json", file, "--html", file, url);
    expect(stdout).toContain("all 20 are equal");
    expect(stderr).toContain(`The file of --json, ${file}, cannot be written (ENOENT).\n`);
    expect(stderr).toContain(`The file of --html, ${file}, cannot be written (ENOENT).\n`);
    expect(code).toBe(1);
  });
});
