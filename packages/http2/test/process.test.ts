import { spawn } from "node:child_process";
import { once } from "node:events";
import { createSecureServer, createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { generate } from "selfsigned";
import { expect, it, onTestFinished } from "vitest";

const client = `
  import { http2 } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
  for (let i = 0; i < 20; i++) {
    const transport = http2({ tls: { rejectUnauthorized: false } });
    const response = await transport.request({ url: process.argv[1] });
    await response.body.bytes();
    await (i % 2 === 0 ? transport.destroy() : transport.close());
  }
  console.log("all have ended");
`;

it("an idle connection holds no process, but its end is waited for", async () => {
  const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }]);
  const server = createSecureServer({ cert, key }, (_, response) => response.end("hello")).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const args = ["--conditions=holdfast:source", "--input-type=module", "--eval", client, url];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  expect({ output, code }).toEqual({ output: "all have ended\n", code: 0 });
}, 60_000);

const taker = `
  import { http2 } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
  const transport = http2();
  const pushed = Promise.withResolvers();
  const response = await transport.request({ url: process.argv[1], onPush: pushed.resolve });
  await response.body.bytes();
  console.log(await (await pushed.promise).body.text());
`;

it("a pushed body that is being read holds the process, also when its exchange is over", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.pushStream({ ":path": "/pushed" }, (_, push) => {
      push.respond();
      push.write("pushed");
      stream.once("close", () => setTimeout(() => push.end(" late"), 50));
    });
    stream.respond();
    stream.end("main");
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const args = ["--conditions=holdfast:source", "--input-type=module", "--eval", taker, url];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  expect({ output, code }).toEqual({ output: "pushed late\n", code: 0 });
}, 60_000);
