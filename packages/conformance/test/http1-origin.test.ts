import { once } from "node:events";
import { request, type IncomingMessage, type RequestOptions } from "node:http";
import { http1Origin, type Origin } from "@holdfast/conformance";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let origin: Origin;
beforeAll(async () => {
  origin = await http1Origin();
});
afterAll(() => origin.close());

async function send(path: string, options: RequestOptions = {}, body?: string): Promise<IncomingMessage> {
  const sent = request(origin.url + path, { agent: false, ...options });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return response;
}

async function text(response: IncomingMessage): Promise<string> {
  return Buffer.concat(await response.toArray()).toString();
}

describe("the HTTP/1.1 origin", () => {
  it("echoes a body", async () => {
    expect(await text(await send("/echo", { method: "POST" }, "hello"))).toBe("hello");
  });

  it("tells the request as it arrived", async () => {
    const response = await send("/inspect?a=1", { method: "PUT", headers: { "X-A": "1" } }, "hello");
    expect(JSON.parse(await text(response))).toMatchObject({
      method: "PUT",
      path: "/inspect?a=1",
      headers: { "x-a": "1" },
      bodyBytes: 5,
    });
  });

  it("sends bytes with a length or without", async () => {
    const framed = await send("/bytes/1000");
    const chunked = await send("/bytes/1000?length=no&chunk=7");
    expect([framed.headers["content-length"], chunked.headers["transfer-encoding"]]).toEqual(["1000", "chunked"]);
    expect(await text(framed)).toBe(await text(chunked));
  });

  it("sends awkward fields as they are", async () => {
    const { rawHeaders } = await send("/fields");
    expect(rawHeaders.filter((name) => name === "Set-Cookie")).toHaveLength(2);
    expect(rawHeaders).toContain("__proto__");
  });

  it("waits at a gate until it is opened", async () => {
    const id = origin.control.newId();
    const answer = send(`/gate?id=${id}`);
    await origin.control.arrival(id);
    expect(origin.control.openExchanges).toBe(1);
    origin.control.release(id);
    expect(await text(await answer)).toBe("open");
    expect([origin.control.executions(id), origin.control.departures(id)]).toEqual([1, 0]);
  });

  it("sees a client leave", async () => {
    const id = origin.control.newId();
    const sent = request(`${origin.url}/gate?id=${id}`, { agent: false });
    sent.on("error", () => {});
    sent.end();
    await origin.control.arrival(id);
    sent.destroy();
    await origin.control.departure(id);
    await origin.control.waitFor(({ openConnections, openExchanges }) => openConnections === 0 && openExchanges === 0);
  });

  it.each(["/cut/10", "/cut/10?length=no"])("breaks %s off without an end mark", async (path) => {
    const response = await send(path);
    let bytes = 0;
    response.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
    const [error] = await once(response, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
    expect([bytes, response.complete]).toEqual([10, false]);
  });

  it("ends a connection without an answer", async () => {
    await expect(send("/no-answer", { method: "POST" }, "x")).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("sends trailers", async () => {
    const response = await send("/trailers");
    expect(await text(response)).toBe("firstlast");
    expect(response.trailers).toEqual({ "x-checksum": "abc", "x-second": "2" });
  });

  it("sends two hints before the response", async () => {
    const sent = request(`${origin.url}/hints`, { agent: false });
    const hints: unknown[] = [];
    sent.on("information", ({ statusCode, headers }) => hints.push([statusCode, headers["link"]]));
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(await text(response)).toBe("hinted");
    expect(hints).toEqual([
      [103, "</a.css>; rel=preload"],
      [103, "</b.css>; rel=preload"],
    ]);
  });

  it("says how long it keeps a connection", async () => {
    const brief = await http1Origin({ keepAliveTimeoutMs: 3_000 });
    const sent = request(`${brief.url}/bytes/1`, { agent: false, headers: { connection: "keep-alive" } });
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    expect(response.headers["keep-alive"]).toBe("timeout=3");
    response.resume();
    await brief.close();
  });
});
