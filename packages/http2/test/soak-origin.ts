// Run as a process of its own. Says its port; ends when its input does. `/` is answered whole, `/long` never ends, `/open` tells
// how many other streams are open and how many sessions there were.
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

const body = "x".repeat(200);
let open = 0;
let sessions = 0;
// Node takes a thousand resets for an attack.
const server = createServer({ streamResetBurst: 1_000_000, streamResetRate: 1_000_000 });
server.on("session", () => sessions++);
server.on("stream", (stream: ServerHttp2Stream, headers) => {
  open++;
  stream.on("error", () => {}).on("close", () => open--);
  stream.respond();
  if (headers[":path"] === "/long") stream.write(body);
  else stream.end(headers[":path"] === "/open" ? JSON.stringify({ open: open - 1, sessions }) : body);
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.stdin.resume().once("end", () => process.exit());
