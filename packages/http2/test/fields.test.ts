import {
  endStream,
  expectNextWorks,
  failure,
  frameAnswers as answering,
  frameServer,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { fieldsOf, listBytes } from "../src/fields.ts";
import { http2 } from "../src/index.ts";

describe("the fields of a response", () => {
  it("have no prototype, and set-cookie is always an array", () => {
    const fields = fieldsOf([
      ":status",
      "200",
      "a",
      "1",
      "b",
      "1",
      "b",
      "2",
      "b",
      "3",
      "set-cookie",
      "x=1",
      "constructor",
      "c",
    ]);
    expect(Object.getPrototypeOf(fields)).toBeNull();
    expect({ ...fields }).toEqual({ a: "1", b: ["1", "2", "3"], "set-cookie": ["x=1"], constructor: "c" });
  });

  it("count for their limit with 32 bytes more than their text", () => {
    expect(listBytes([":status", "200", "a", "bc"])).toBe(7 + 3 + 32 + 1 + 2 + 32);
  });

  it("come as the peer sent them", async () => {
    const sent = [
      ["x-one", "1"],
      ["x-two", "a"],
      ["x-two", "b"],
      ["set-cookie", "c=1"],
      ["__proto__", "p"],
      ["constructor", "q"],
      ["x-empty", ""],
    ] as const;
    await using server = await frameServer(
      answering(({ stream }, peer) => peer.headers(stream, [[":status", "200"], ...sent], endStream)),
    );
    await using transport = http2();
    const { headers, body } = await transport.request({ url: server.url });
    expect(await body.text()).toBe("");
    expect(Object.entries(headers)).toEqual([
      ["x-one", "1"],
      ["x-two", ["a", "b"]],
      ["set-cookie", ["c=1"]],
      ["__proto__", "p"],
      ["constructor", "q"],
      ["x-empty", ""],
    ]);
    expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
  });

  it("of trailers come with the end of the body", async () => {
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        await peer.headers(stream, [[":status", "200"]]);
        await peer.data(stream, "ok");
        await peer.headers(
          stream,
          [
            ["x-sum", "1"],
            ["x-sum", "2"],
          ],
          endStream,
        );
      }),
    );
    await using transport = http2();
    const { trailers, body } = await transport.request({ url: server.url });
    expect(await body.text()).toBe("ok");
    expect({ ...(await trailers) }).toEqual({ "x-sum": ["1", "2"] });
  });
});

describe("the head of a request", () => {
  it("says what the caller said, and what the protocol demands", async () => {
    await using server = await frameServer(answering());
    await using transport = http2();
    const { body } = await transport.request({
      url: `${server.url}/a%20b/../c?q=%7B1%7D&r#fragment`,
      method: "PATCH",
      headers: { "X-One": "1", "x-two": ["a", "b"], cookie: "a=1; b=2" },
      body: "xyz",
    });
    await body.text();
    expect(Object.fromEntries(Object.entries(server.requests[0]!.headers))).toEqual({
      ":method": "PATCH",
      ":scheme": "http",
      ":authority": `127.0.0.1:${server.port}`,
      ":path": "/c?q=%7B1%7D&r",
      "x-one": "1",
      "x-two": "a, b",
      cookie: "a=1; b=2",
      "content-length": "3",
    });
  });

  it("names the host that the caller names", async () => {
    await using server = await frameServer(answering());
    await using transport = http2();
    const { body } = await transport.request({ url: server.url, headers: { host: "other.example" } });
    await body.text();
    expect(server.requests[0]!.headers).toMatchObject({ ":authority": "other.example" });
    expect(server.requests[0]!.headers["host"]).toBeUndefined();
  });

  it.each([
    { headers: { connection: "close" } },
    { headers: { "keep-alive": "timeout=5" } },
    { headers: { "proxy-connection": "keep-alive" } },
    { headers: { "transfer-encoding": "chunked" } },
    { headers: { upgrade: "websocket" } },
    { headers: { te: "gzip" } },
    { headers: { "http2-settings": "AAMAAABkAAQAAP__" } },
    { headers: { ":path": "/other" } },
    { headers: { "x-a": "b\r\nx-c: d" } },
    { headers: { "content-length": ["1", "2"] } },
    { method: "CONNECT" },
  ])("of %j is refused before it is queued", async (request) => {
    await using server = await frameServer(answering());
    await using transport = http2();
    await expect(transport.request({ url: server.url, ...request })).rejects.toThrow(TypeError);
    expect(server.peers).toHaveLength(0);
  });

  it.each([{ "content-type": ["a/b", "c/d"] }, { authorization: ["a", "b"] }])(
    "of %j, which node does not send, fails as UNSUPPORTED and costs no session",
    async (headers) => {
      await using server = await frameServer(answering());
      await using transport = http2();
      await transport.warm(server.url);
      const error = await failure(transport.request({ url: server.url, headers }));
      expect(error).toMatchObject({ code: "UNSUPPORTED", delivery: "not-sent", attempts: [] });
      expect(error.message).not.toMatch(/a\/b/);
      await expectNextWorks(transport, server);
      expect(server.peers).toHaveLength(1);
      expect(transport.stats().exchanges).toEqual({ queued: 0, inFlight: 0 });
    },
  );
});
