import { describe, expect, it } from "vitest";
import { requestTextBytes, responseTextBytes } from "../src/head-count.ts";

describe("a head of HTTP/2 as text of HTTP/1.1", () => {
  it("is a request line, host and the fields", () => {
    const head = [":method", "PUT", ":path", "/a?b", ":scheme", "https", ":authority", "a.example", "x-one", "1"];
    const text = "PUT /a?b HTTP/1.1\r\nhost: a.example\r\nx-one: 1\r\n\r\n";
    expect(requestTextBytes(head)).toBe(Buffer.byteLength(text));
  });

  it("has the host that the request names if there is no authority", () => {
    const text = "GET / HTTP/1.1\r\nhost: b.example\r\n\r\n";
    const head = [":method", "GET", ":scheme", "http", ":path", "/", "host", "b.example"];
    expect(requestTextBytes(head)).toBe(Buffer.byteLength(text));
  });

  it("has one cookie field for all crumbs, and a line for each other field that repeats", () => {
    const head = [":method", "GET", ":path", "/", "cookie", "a=1", "accept", "x", "cookie", "b=22", "accept", "y"];
    const text = "GET / HTTP/1.1\r\ncookie: a=1; b=22\r\naccept: x\r\naccept: y\r\n\r\n";
    expect(requestTextBytes(head)).toBe(Buffer.byteLength(text));
  });

  it("is a status line with its phrase, and the fields", () => {
    const text = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n";
    const head = { ":status": 404, "content-length": 0, "set-cookie": ["a", "b"] };
    expect(responseTextBytes(head)).toBe(Buffer.byteLength(text));
  });
});
