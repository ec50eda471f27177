import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { application, Control, type Origin } from "@holdfast/conformance";
import { type Answering, answerOver, muxSubprotocol, socketPipe } from "@holdfast/exchange";
import { WebSocketServer } from "ws";

/** The kit's application behind `holdfast.mux.v1` on WebSockets. */
export async function muxOrigin(): Promise<Origin> {
  const control = new Control();
  const handler = application(control);
  const answering = new Set<Answering>();
  const http = createServer((_, response) => void response.writeHead(426).end());
  const upgrades = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: () => muxSubprotocol,
  });
  http.on("connection", (socket) => socket.once("close", control.noteConnection()));
  http.on("upgrade", (request, socket, head) => {
    upgrades.handleUpgrade(request, socket, head, (accepted) => {
      const end = answerOver(socketPipe(accepted, socket as never), handler);
      answering.add(end);
      void end.closed.then(() => answering.delete(end));
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    control,
    async close() {
      for (const end of answering) end.destroy();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
