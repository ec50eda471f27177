// Run as a process of its own: node answers-process.ts. Serves answers that cannot be sent, twice to GET and twice to HEAD over
// each protocol, and prints as JSON what the client got: a status, or "cut". And what onError was told.
import { type FetchHandler, serve } from "@holdfast/server";
import { FastResponse } from "srvx/node";
import { http1Client, http2Client } from "./clients.ts";

const kept = new Response("kept", { status: 404 });

const answers: Readonly<Record<string, FetchHandler>> = {
  kept: () => kept,
  used: async () => {
    const response = new Response("used");
    await response.text();
    return response;
  },
  locked: () => {
    const response = new Response("locked");
    response.body?.getReader();
    return response;
  },
  // Its head is on its way when srvx finds out.
  prepared: () => {
    const body = new ReadableStream();
    body.getReader();
    return new FastResponse(body);
  },
  // Of status 0.
  error: () => Response.error(),
  ...Object.fromEntries([100, 101, 199, 600, 200.5].map((status) => [status, () => shaped(status)])),
  // What a handler that echoes fields takes from a client which offers an upgrade to h2c.
  connection: () => new Response("x", { headers: { te: "gzip", "http2-settings": "x", expect: "100-continue" } }),
  // A name that is none behind one that is.
  misnamed: () => shaped(200, { "x-a": "1", "content-length": "5", "x a": "1" }),
};

/** By its shape a Response. */
function shaped(status: number, fields: Readonly<Record<string, string>> = {}): Response {
  return { status, headers: new Map(Object.entries(fields)), body: null } as never;
}

const told = new Set<string>();
const server = await serve({
  hostname: "127.0.0.1",
  fetch: (request) => answers[new URL(request.url).pathname.slice(1)]!(request),
  onError: (error) => void told.add(String(error)),
});

const seen: Record<string, unknown> = {};
for (const name of Object.keys(answers)) {
  for (const [protocol, connect] of [
    ["h2", http2Client],
    ["http/1.1", http1Client],
  ] as const) {
    const client = connect(server.url);
    const heads: (number | "cut" | "left over")[] = [];
    for (const method of ["GET", "GET", "HEAD", "HEAD"]) {
      const { out, answer } = client.open({ path: `/${name}`, method });
      if (protocol === "http/1.1") out.end();
      heads.push(
        await answer.then(
          ({ status, headers }) => (headers["x-a"] === undefined ? status : "left over"),
          () => "cut",
        ),
      );
    }
    await client[Symbol.asyncDispose]();
    seen[`${name} by ${protocol}`] = heads;
  }
}
await server.destroy();
process.stdout.write(JSON.stringify({ ...seen, told: [...told] }));
