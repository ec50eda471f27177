import { Liveness, type MuxPing } from "./liveness.ts";
import type { MessageSocket, WireSocket } from "./message-socket.ts";

/** Terminates a socket whose peer has gone silent. Bytes of any kind count as life; one that we do not read proves nothing. */
export function watchSocket(socket: MessageSocket, wire: WireSocket, ping: Required<MuxPing>): void {
  let seen = wire.bytesRead;
  let heardAt = performance.now();
  const liveness = new Liveness(
    {
      get heardAt() {
        if (wire.bytesRead !== seen || socket.isPaused) heardAt = performance.now();
        seen = wire.bytesRead;
        return heardAt;
      },
      ping: () => socket.ping(),
      silent: () => socket.terminate(),
    },
    ping,
  );
  const heard = (): void => {
    seen = wire.bytesRead;
    heardAt = performance.now();
  };
  socket.on("message", heard);
  socket.on("ping", heard);
  socket.on("pong", heard);
  socket.on("close", () => liveness.stop());
  liveness.streamOpened();
}
