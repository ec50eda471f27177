import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readHead } from "../src/connect-proxy.ts";

describe("the head of an answer to CONNECT", () => {
  it("is complete at the empty line; what follows is the peer's", () => {
    expect(readHead(Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"))?.toString()).toBe("hello");
    expect(readHead(Buffer.from("HTTP/1.0 204\r\n\r\n"))?.toString()).toBe("");
  });

  it("is waited for as long as it may still be one", () => {
    const answer = "HTTP/1.1 200 Connection established\r\nvia: p\r\n\r\n";
    for (let i = 0; i < answer.length; i++) expect(readHead(Buffer.from(answer.slice(0, i)))).toBeUndefined();
  });

  it.each([
    ["HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", /status 407/],
    ["HTTP/1.1 502 Bad Gateway\r\n\r\n", /status 502/],
    ["HTTP/1.1 101 Switching Protocols\r\n\r\n", /status 101/],
    ["HTTP/1.1 20x OK\r\n\r\n", /does not speak HTTP/],
    ["HTTP/2 200\r\n\r\n", /does not speak HTTP/],
    ["SSH-2.0-x", /does not speak HTTP/],
    ["\r\nHTTP/1.1 200 OK\r\n\r\n", /does not speak HTTP/],
    [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(16_384)}`, /more than 16384 bytes/],
    [`HTTP/1.1 200 OK\r\nx: ${"y".repeat(16_384)}\r\n\r\n`, /more than 16384 bytes/],
  ])("is refused: %.40j", (answer, message) => {
    expect(() => readHead(Buffer.from(answer))).toThrow(message);
  });

  it("gives back exactly the bytes after it", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (rest) => {
        const found = readHead(Buffer.concat([Buffer.from("HTTP/1.1 200 OK\r\n\r\n"), rest]));
        expect(found).toEqual(Buffer.from(rest));
      }),
    );
  });
});
