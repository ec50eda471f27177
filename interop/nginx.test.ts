import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { type Nginx, type NginxOptions, startNginx } from "./nginx.ts";

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
afterEach(() => agent.destroy());

async function ours(options?: NginxOptions): Promise<Nginx> {
  const nginx = await startNginx(options);
  onTestFinished(() => nginx.stop());
  return nginx;
}

async function ask(nginx: Nginx, path: string, id: string): Promise<{ status: number | undefined; body: string }> {
  const request = get(nginx.url + path, { agent, headers: { "x-request-id": id } });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

describe("an nginx of our own", () => {
  it("answers, and its log tells connections, requests on them and their ids", async () => {
    const nginx = await ours();
    expect(await ask(nginx, "/a?b=c", "first")).toEqual({ status: 200, body: "GET /a?b=c\n" });
    await ask(nginx, "/", "second");
    await nginx.stop();

    const [first, second, ...others] = await nginx.accessLog();
    expect(first).toMatchObject({ connectionRequests: 1, id: "first", method: "GET", path: "/a?b=c", status: 200 });
    expect(second).toEqual({ ...first, connectionRequests: 2, id: "second", path: "/" });
    expect(others).toEqual([]);
  });

  it("takes directives: keepalive_requests ends a connection", async () => {
    const nginx = await ours({ directives: "keepalive_requests 2;" });
    for (const id of ["1", "2", "3"]) await ask(nginx, "/", id);
    await nginx.stop();

    const log = await nginx.accessLog();
    expect(log.map(({ connectionRequests }) => connectionRequests)).toEqual([1, 2, 1]);
    expect(new Set(log.map(({ connection }) => connection)).size).toBe(2);
  });

  it("says what nginx said when it does not start", async () => {
    await expect(startNginx({ directives: "no_such_directive on;" })).rejects.toThrow(
      /unknown directive "no_such_directive"/,
    );
  });
});
