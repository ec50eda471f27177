import express from "express";
import { H3 } from "h3";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { type FetchHandler, fromNode, serve } from "../src/index.ts";
import { ask, http1Client, http2Client, muxTransport } from "./clients.ts";

function hono(): FetchHandler {
  const app = new Hono();
  app.post("/echo", async (context) => {
    context.header("set-cookie", "a=1", { append: true });
    context.header("set-cookie", "b=2", { append: true });
    return context.json(await context.req.json());
  });
  return app.fetch;
}

function h3(): FetchHandler {
  const app = new H3();
  app.post("/echo", async (event) => {
    event.res.headers.append("set-cookie", "a=1");
    event.res.headers.append("set-cookie", "b=2");
    return await event.req.json();
  });
  return (request) => app.fetch(request);
}

function expressApp(): FetchHandler {
  const app = express();
  app.use(express.json());
  app.post("/echo", (request, response) => {
    response.cookie("a", "1", { path: "" }).cookie("b", "2", { path: "" }).json(request.body);
  });
  return fromNode(app);
}

async function bare(request: Request): Promise<Response> {
  if (!request.url.endsWith("/echo")) return new Response(null, { status: 404 });
  return Response.json(await request.json(), {
    headers: [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ],
  });
}

const handlers: readonly (readonly [string, FetchHandler])[] = [
  ["a Hono app", hono()],
  ["an h3 app", h3()],
  ["an Express app", expressApp()],
  ["a function", bare],
];

describe.each(handlers)("%s", (_, fetch) => {
  const post = { path: "/echo", method: "POST", headers: { "content-type": "application/json" }, body: `{"x":1}` };

  it.each([
    ["HTTP/1.1", http1Client],
    ["HTTP/2", http2Client],
  ])("is served over %s", async (__, connect) => {
    await using server = await serve({ hostname: "127.0.0.1", fetch });
    await using client = connect(server.url);
    const { status, text, headers } = await ask(client, post);
    expect([status, JSON.parse(text)]).toEqual([200, { x: 1 }]);
    expect(headers["set-cookie"]).toHaveLength(2);
    expect(await ask(client, { path: "/missing" })).toMatchObject({ status: 404 });
  });

  it("is served over WebSocket", async () => {
    await using server = await serve({ hostname: "127.0.0.1", fetch });
    await using transport = muxTransport(server.url);
    const { path, ...rest } = post;
    const response = await transport.request({ url: server.url + path, ...rest });
    expect([response.status, await response.body.json()]).toEqual([200, { x: 1 }]);
    expect(response.headers["set-cookie"]).toHaveLength(2);
    const missing = await transport.request({ url: `${server.url}/missing` });
    expect(missing.status).toBe(404);
    await missing.body.cancel();
  });
});
