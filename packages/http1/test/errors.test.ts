import { inspect } from "node:util";
import { setImmediate as turn } from "node:timers/promises";
import {
  expectNextWorks,
  failure,
  ok,
  rawAnswers as answering,
  type RawPeer as Peer,
  rawServer,
} from "@holdfast/conformance/hostile";
import type { TransportError } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http1, type Http1Options } from "../src/index.ts";

/** Sends these bytes in answer to one request, and tells how it failed; the next request must work. */
async function failureAfter(
  answer: string | ((peer: Peer) => Promise<void> | void),
  options: Http1Options = {},
  request: { readonly method?: string; readonly deadlineMs?: number } = {},
): Promise<TransportError> {
  await using server = await rawServer(async (peer) => {
    if ((await peer.request()).path === "/next") return peer.write(ok());
    if (typeof answer === "string") await peer.write(answer);
    else await answer(peer);
  });
  await using transport = http1(options);
  const error = await failure(
    transport.request({ url: `${server.url}/bad`, ...request }).then(({ body }) => body.bytes()),
  );
  await expectNextWorks(transport, server);
  expect(server.requests.map(({ path, connection }) => [path, connection])).toEqual([
    ["/bad", 0],
    ["/next", 1],
  ]);
  return error;
}

const head = "HTTP/1.1 200 OK\r\n";
const chunked = `${head}transfer-encoding: chunked\r\n\r\n`;

const resetAfter =
  (bytes: string) =>
  async (peer: Peer): Promise<void> => {
    await peer.write(bytes);
    peer.reset();
  };

describe("PROTOCOL_ERROR", () => {
  it.each([
    "SSH-2.0-OpenSSH_9.2\r\n",
    "\0\0\0\x12\x04\0\0\0\0\0",
    "HTTP/1.1 200",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 099 Odd\r\n\r\n",
    "HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 600 Odd\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
    `${head}x\0y: 1\r\n\r\n`,
    `${head}x: a\0b\r\ncontent-length: 0\r\n\r\n`,
    `${head}x : 1\r\ncontent-length: 0\r\n\r\n`,
    `${head}x\r\ncontent-length: 0\r\n\r\n`,
    `${head}: 1\r\ncontent-length: 0\r\n\r\n`,
    `${head}x: 1\ry: 2\r\ncontent-length: 0\r\n\r\n`,
  ])("is the answer to the head %j", async (answer) => {
    const error = await failureAfter(answer === "HTTP/1.1 200" ? `${answer} OK\r\n\x01: 1\r\n\r\n` : answer);
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", phase: "head", delivery: "maybe-sent", replaySafe: false });
  });

  it.each([
    "content-length: 5\r\ntransfer-encoding: chunked",
    "transfer-encoding: chunked\r\ncontent-length: 5",
    "content-length: 5\r\ncontent-length: 6",
    "content-length: 5, 5",
    "content-length: +5",
    "content-length: -1",
    "content-length: 5x",
    "content-length: 18446744073709551618",
    "transfer-encoding: xchunked",
    "transfer-encoding: chunked, gzip",
    "transfer-encoding: gzip",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: chunked, chunked",
  ])("is the answer to the framing %j", async (fields) => {
    expect(await failureAfter(`${head}${fields}\r\n\r\nhello`)).toMatchObject({ code: "PROTOCOL_ERROR" });
  });

  it.each([
    "5 \r\nhello\r\n",
    "0x5\r\nhello\r\n",
    "fffffffffffffffff\r\n",
    "-5\r\n",
    "5\nhello\n",
    "5\r\nhello!",
    "g\r\n",
    "5;a\nb\r\nhello\r\n",
  ])("is the answer to the chunk %j", async (chunk) => {
    const error = await failureAfter(chunked + chunk);
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", phase: "body", delivery: "answered" });
  });

  it("is the answer to more than 16 interim responses", async () => {
    const error = await failureAfter(`${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17)}${ok()}`);
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", phase: "head" });
    expect(error.message).toContain("16");
  });
});

describe("LIMIT_EXCEEDED", () => {
  it.each([
    ["one long field", `x: ${"a".repeat(20_000)}\r\n`],
    ["many short ones", "a: b\r\n".repeat(9_000)],
  ])("is the answer to a head that is longer than limits.headBytes by %s", async (_, fields) => {
    const error = await failureAfter(`${head}${fields}content-length: 0\r\n\r\n`);
    expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "head", delivery: "maybe-sent" });
    expect(error.message).toContain("limits.headBytes");
  });

  it("leaves a head alone that is shorter", async () => {
    await using server = await rawServer(answering(() => ok("ok", `x: ${"a".repeat(20_000)}\r\n`)));
    await using transport = http1({ limits: { headBytes: 32_768 } });
    const { headers, body } = await transport.request({ url: server.url });
    expect(headers["x"]).toHaveLength(20_000);
    await body.text();
  });
});

describe("CONNECTION_LOST", () => {
  it.each([
    ["FIN before a byte", (peer: Peer) => peer.fin()],
    ["RST before a byte", (peer: Peer) => peer.reset()],
    ["FIN within the status line", (peer: Peer) => peer.fin("HTTP/1.1 2")],
    ["RST within the status line", resetAfter("HTTP/1.1 2")],
    ["FIN within the fields", (peer: Peer) => peer.fin(`${head}x: 1\r\n`)],
  ])("is the answer to %s", async (_, end) => {
    expect(await failureAfter(end, {}, { method: "POST" })).toMatchObject({
      code: "CONNECTION_LOST",
      phase: "head",
      delivery: "maybe-sent",
      reused: false,
    });
  });
});

describe("a limit on time", () => {
  it.each([
    ["the head", "HEAD_TIMEOUT", "head", "timeouts.headMs", ""],
    ["the head after interim ones", "HEAD_TIMEOUT", "head", "timeouts.headMs", "HTTP/1.1 103 Early Hints\r\n\r\n"],
    ["more of the body", "BODY_TIMEOUT", "body", "timeouts.bodyGapMs", `${head}content-length: 5\r\n\r\nhe`],
  ])("on %s fails with %s", async (_, code, phase, option, answer) => {
    const error = await failureAfter(answer, { timeouts: { headMs: 60, bodyGapMs: 60 } });
    expect(error).toMatchObject({ code, phase, delivery: phase === "body" ? "answered" : "maybe-sent" });
    expect(error.message).toContain(option);
  });

  it.each([
    ["head", "", `${head}x: `],
    ["body", `${head}content-length: 100000000\r\n\r\n`, ""],
    ["head", "", "HTTP/1.1 103 Early Hints\r\nx: "],
  ])("on the whole holds against a %s that trickles", async (phase, before, start) => {
    const trickle = async (peer: Peer): Promise<void> => {
      await peer.write(before + start);
      while (!peer.socket.destroyed) {
        await peer.write("x");
        for (let i = 0; i < 50; i++) await turn();
      }
    };
    const error = await failureAfter(trickle, { limits: { headBytes: 10_000_000 } }, { deadlineMs: 100 });
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", phase });
    expect(error.message).toContain("deadlineMs");
  });
});

describe("an error", () => {
  it("of any kind tells nothing of path, fields or body, of the request or the response", async () => {
    const answers: Record<string, (peer: Peer) => Promise<void> | void> = {
      "/secret/fin": (peer) => peer.fin(),
      "/secret/garbage": (peer) => peer.write("secret\r\n"),
      "/secret/cut": (peer) => peer.fin(`${head}x: secret\r\ncontent-length: 99\r\n\r\nsecret`),
      "/secret/long": (peer) => peer.write(`${head}x: ${"secret".repeat(5_000)}\r\n\r\n`),
      "/secret/status": (peer) => peer.write("HTTP/1.1 777 secret\r\n\r\n"),
    };
    await using server = await rawServer(async (peer) => await answers[(await peer.request()).path]?.(peer));
    await using transport = http1();
    for (const path of Object.keys(answers)) {
      const request = { url: server.url + path, method: "POST", headers: { authorization: "secret" }, body: "secret" };
      const error = await failure(transport.request(request).then(({ body }) => body.bytes()));
      // What the engine or the system said is kept as it is; everything else is ours.
      const own = Object.entries(error).filter(([name]) => name !== "cause");
      expect(`${error.message} ${error.stack} ${inspect(own)}`).not.toContain("secret");
      expect(error.message).toContain(server.url);
      expect(error).toMatchObject({ protocol: "http/1.1", origin: server.url, attempt: 1 });
    }
  });
});
