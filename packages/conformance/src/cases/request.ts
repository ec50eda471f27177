import assert from "node:assert/strict";
import type { TransportResponse } from "@holdfast/transport";
import { rule, urlOf, type Case } from "../case.ts";
import type { Inspection } from "../origin/application.ts";

async function inspection(response: TransportResponse): Promise<Inspection> {
  assert.equal(response.status, 200);
  return (await response.body.json()) as Inspection;
}

/** What of a request reaches the origin, and what of a head comes back. */
export const requestCases: readonly Case[] = [
  rule("request/get", "a request is a GET by default and brings status, fields and body", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/3") });
    assert.equal(response.status, 200);
    assert.equal(response.headers["content-length"], "3");
    assert.deepEqual([...(await response.body.bytes())], [0, 1, 2]);
  }),
  ...["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "PROPFIND", "get"].map((method) =>
    rule(`request/method-${method}`, `the method ${method} reaches the origin as written`, async (fixture) => {
      await using transport = await fixture.createTransport();
      // The machine's HTTP parser knows a fixed set of methods; what it refuses is answered 400 by the origin, not by the adapter.
      const response = await transport.request({ url: urlOf(fixture, "/inspect"), method });
      if (method === "HEAD") assert.equal((await response.body.bytes()).byteLength, 0);
      else if (response.status === 200) assert.equal((await inspection(response)).method, method);
      else await response.body.cancel();
      assert.ok(response.status === 200 || method === "get", `status ${response.status}`);
    }),
  ),
  rule("request/url-object", "a URL object is as good as a string, and a fragment is not sent", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: new URL(urlOf(fixture, "/inspect?a=1&b=%20#part")) });
    assert.equal((await inspection(response)).path, "/inspect?a=1&b=%20");
  }),
  rule("request/path", "path and query arrive unchanged, escapes included", async (fixture) => {
    await using transport = await fixture.createTransport();
    const path = "/inspect/a%2Fb/%C3%BC?q=x+y&r=%26&empty=";
    assert.equal((await inspection(await transport.request({ url: urlOf(fixture, path) }))).path, path);
  }),
  rule("request/fields", "fields arrive, whatever the case of their names", async (fixture) => {
    await using transport = await fixture.createTransport();
    const headers = { "X-Mixed-Case": "Kept As Is", "x-empty": "", authorization: "Bearer t" };
    const seen = await inspection(await transport.request({ url: urlOf(fixture, "/inspect"), headers }));
    assert.equal(seen.headers["x-mixed-case"], "Kept As Is");
    assert.equal(seen.headers["x-empty"], "");
    assert.equal(seen.headers["authorization"], "Bearer t");
  }),
  rule("request/field-list", "several values of one field arrive in order", async (fixture) => {
    await using transport = await fixture.createTransport();
    const headers = { "x-many": ["one", "two", "three"] };
    const seen = await inspection(await transport.request({ url: urlOf(fixture, "/inspect"), headers }));
    assert.equal([seen.headers["x-many"]].flat().join(", "), "one, two, three");
  }),
  rule("request/field-names", "a field named constructor or __proto__ is only a field", async (fixture) => {
    await using transport = await fixture.createTransport();
    const headers = JSON.parse('{"constructor": "c", "__proto__": "p"}') as Record<string, string>;
    const seen = await inspection(await transport.request({ url: urlOf(fixture, "/inspect"), headers }));
    assert.equal(Object.getOwnPropertyDescriptor(seen.headers, "constructor")?.value, "c");
    assert.equal(Object.getOwnPropertyDescriptor(seen.headers, "__proto__")?.value, "p");
  }),
  rule("request/reused-object", "a request object can be used again and is not changed", async (fixture) => {
    await using transport = await fixture.createTransport();
    const request = Object.freeze({
      url: urlOf(fixture, "/inspect"),
      method: "POST",
      headers: Object.freeze({ "x-a": "1" }),
      body: "same",
    });
    for (const _ of [1, 2]) assert.equal((await inspection(await transport.request(request))).bodyBytes, 4);
  }),
  rule("request/null-body", "a null body is no body", async (fixture) => {
    await using transport = await fixture.createTransport();
    const seen = await inspection(
      await transport.request({ url: urlOf(fixture, "/inspect"), method: "POST", body: null }),
    );
    assert.equal(seen.bodyBytes, 0);
  }),
  rule(
    "request/response-fields",
    "set-cookie is an array, and no field is taken for a member of an object",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, "/fields") });
      await response.body.cancel();
      const { headers } = response;
      assert.equal(Object.getPrototypeOf(headers), null);
      assert.deepEqual(headers["set-cookie"], ["a=1; Path=/", "b=2, still b"]);
      assert.equal(headers["x-mixed-case"], "Kept As Is");
      assert.equal(headers["X-Mixed-Case"], undefined);
      assert.equal([headers["x-many"]].flat().join(", "), "one, two");
      assert.equal(headers["constructor"], "a field");
      assert.equal(headers["__proto__"], "a field too");
      assert.equal(headers["x-empty"], "");
    },
  ),
  ...[200, 201, 299, 301, 308, 400, 401, 404, 429, 500, 503, 599].map((status) =>
    rule(`request/status-${status}`, `status ${status} is an answer, not an error`, async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, `/status/${status}`) });
      assert.equal(response.status, status);
      assert.equal(response.headers["x-status"], String(status));
      assert.equal((await response.body.bytes()).byteLength, 0);
    }),
  ),
  rule("request/concurrent", "a hundred exchanges at the same time get each its own answer", async (fixture) => {
    await using transport = await fixture.createTransport();
    const texts = Array.from({ length: 100 }, (_, index) => `answer ${index}`);
    const answers = texts.map(async (body) =>
      (await transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body })).body.text(),
    );
    assert.deepEqual(await Promise.all(answers), texts);
  }),
  rule("request/reuse", "exchanges one after another share a connection, and say so", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const seen = [];
    for (const path of ["/bytes/10", "/status/204", "/status/304", "/bytes/0", "/bytes/100000"]) {
      const response = await transport.request({ url: urlOf(fixture, path) });
      await response.body.bytes();
      seen.push(response.connection);
    }
    const [first] = seen;
    assert.ok(first && first.id.length > 0);
    assert.deepEqual(
      seen.map(({ id }) => id),
      seen.map(() => first.id),
    );
    assert.deepEqual(
      seen.map(({ exchangeIndex }) => exchangeIndex),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(
      seen.map(({ reused }) => reused),
      [false, true, true, true, true],
    );
    if (fixture.traits.sockets) assert.equal(fixture.origin.control.openConnections, 1);
  }),
  rule("request/reuse-after-head", "a HEAD leaves the connection usable", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const head = await transport.request({ url: urlOf(fixture, "/bytes/1000"), method: "HEAD" });
    assert.equal((await head.body.bytes()).byteLength, 0);
    const next = await transport.request({ url: urlOf(fixture, "/bytes/10") });
    assert.equal((await next.body.bytes()).byteLength, 10);
    assert.equal(next.connection.id, head.connection.id);
  }),
  rule("request/connection-info", "the response tells what carried it", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/1") });
    await response.body.bytes();
    const { connection } = response;
    assert.equal(connection.protocol, transport.protocol);
    assert.equal(connection.origin, new URL(fixture.origin.url).origin);
    if (!fixture.traits.sockets) return;
    assert.equal(connection.remotePort, Number(new URL(fixture.origin.url).port));
    assert.equal(typeof connection.remoteAddress, "string");
    assert.ok((connection.localPort ?? 0) > 0);
  }),
  rule("request/warm", "warm() makes the connection that the first exchange then uses", async (fixture) => {
    await using transport = await fixture.createTransport();
    await transport.warm(fixture.origin.url);
    assert.ok(transport.stats().connections.idle >= 1);
    const response = await transport.request({ url: urlOf(fixture, "/bytes/1") });
    await response.body.bytes();
    assert.equal(response.connection.exchangeIndex, 0);
    assert.equal(response.timings.connected, undefined);
    assert.equal(transport.stats().totals.connectionsOpened, 1);
  }),
  rule("request/brand", "the adapter says who made it, and what it can do, in one voice", async (fixture) => {
    await using transport = await fixture.createTransport();
    const brand = transport["~holdfast"];
    assert.equal(brand.version, 1);
    assert.ok(brand.vendor.length > 0);
    assert.equal(brand.protocol, transport.protocol);
    assert.deepEqual(brand.capabilities, transport.capabilities);
  }),
];
