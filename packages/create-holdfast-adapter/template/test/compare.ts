/** Measures the adapter beside HTTP/1.1: a server that speaks both on one port, and `holdfast-compare` as its client. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { serveJsonl } from "./serve.ts";

const text = "hello";
const http = createHttpServer((_, response) => response.end(text));
const server = createServer((socket) => {
  socket.once("data", (first: Buffer) => {
    socket.pause();
    socket.unshift(first);
    if (first.toString("latin1", 0, 1) === "{") serveJsonl(socket, async () => ({ body: text }));
    else http.emit("connection", socket);
    socket.resume();
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
const args = ["--adapter", "./dist/index.js", ...process.argv.slice(2), url];
const compare = spawn("holdfast-compare", args, { stdio: "inherit", shell: process.platform === "win32" });
[process.exitCode] = (await once(compare, "close")) as [number];
server.close();
