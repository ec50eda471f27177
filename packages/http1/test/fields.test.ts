import { ok, rawAnswers as answering, rawServer } from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { toResponseFields } from "../src/fields.ts";
import { http1 } from "../src/index.ts";

describe("the fields of a response", () => {
  it("have no prototype, and set-cookie is always an array", () => {
    const fields = toResponseFields({ a: "1", b: ["1", "2"], "set-cookie": "x=1", constructor: "c" });
    expect(Object.getPrototypeOf(fields)).toBeNull();
    expect({ ...fields }).toEqual({ a: "1", b: ["1", "2"], "set-cookie": ["x=1"], constructor: "c" });
  });

  it("come as the server sent them, by lower-case name", async () => {
    const sent =
      "X-One: 1\r\nx-two: a\r\nX-TWO: b\r\nSet-Cookie: c=1\r\n__proto__: p\r\nconstructor: q\r\nx-empty:\r\nx-blank:  a b \r\n";
    await using server = await rawServer(answering(() => ok("ok", sent)));
    await using transport = http1();
    const { headers, body } = await transport.request({ url: server.url });
    await body.text();
    expect(Object.entries(headers)).toEqual([
      ["x-one", "1"],
      ["x-two", ["a", "b"]],
      ["set-cookie", ["c=1"]],
      ["__proto__", "p"],
      ["constructor", "q"],
      ["x-empty", ""],
      ["x-blank", "a b"],
      ["content-length", "2"],
    ]);
    expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
  });

  it("keep bytes beyond ASCII apart", async () => {
    await using server = await rawServer(answering(() => ok("ok", "x: caf\xe9\r\n")));
    await using transport = http1();
    const { headers, body } = await transport.request({ url: server.url });
    await body.text();
    expect(headers["x"]).toMatch(/^caf.$/);
  });
});

describe("the head of a request", () => {
  it("says what the caller said, and what the protocol demands", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const { body } = await transport.request({
      url: `${server.url}/a%20b/../c?q=%7B1%7D&r#fragment`,
      method: "PATCH",
      headers: { "X-One": "1", "x-two": ["a", "b"] },
      body: "x",
    });
    await body.text();
    expect(server.requests[0]?.head.split("\r\n")).toEqual([
      "PATCH /c?q=%7B1%7D&r HTTP/1.1",
      `host: 127.0.0.1:${server.port}`,
      "connection: keep-alive",
      "x-one: 1",
      "x-two: a",
      "x-two: b",
      "content-length: 1",
    ]);
  });

  it("names the host that the caller names", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const { body } = await transport.request({ url: server.url, headers: { host: "a.example" } });
    await body.text();
    expect(server.requests[0]?.headers["host"]).toBe("a.example");
    expect(server.requests[0]?.head.match(/^host:/gim)).toHaveLength(1);
  });

  it.each(["transfer-encoding", "connection", "keep-alive", "upgrade", "expect"])(
    "is not the caller's as to %s",
    async (name) => {
      await using server = await rawServer(answering(() => ok()));
      await using transport = http1();
      await expect(transport.request({ url: server.url, headers: { [name]: "x" } })).rejects.toThrow(TypeError);
      expect(server.peers).toHaveLength(0);
    },
  );
});
