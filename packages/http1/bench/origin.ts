/** An origin that costs next to nothing: it answers each request head on a bare socket with the same 200 bytes. */
import { createServer, type AddressInfo } from "node:net";

const body = "x".repeat(200);
const response = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\nServer: bench\r\nConnection: keep-alive\r\n\r\n${body}`,
);

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let rest = "";
  socket.on("data", (chunk) => {
    const text = rest + chunk.toString("latin1");
    const heads = text.split("\r\n\r\n");
    rest = heads.pop() as string;
    for (const _ of heads) socket.write(response);
  });
  socket.on("error", () => {});
});
server.listen(0, "127.0.0.1", () =>
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }),
);
process.on("disconnect", () => process.exit());
