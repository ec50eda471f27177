// Run as a process of its own: the least that answers any GET. Says its port; ends when its input does.
import { type AddressInfo, createServer } from "node:net";

const answer = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n${"x".repeat(200)}`);
const mark = Buffer.from("\r\n\r\n");

const server = createServer((socket) => {
  let rest = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    let bytes = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(mark); end >= 0; end = bytes.indexOf(mark)) {
      bytes = bytes.subarray(end + mark.byteLength);
      socket.write(answer);
    }
    rest = Buffer.from(bytes);
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
process.stdin.resume().once("end", () => process.exit());
