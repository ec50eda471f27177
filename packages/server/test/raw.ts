import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A bare connection: what was sent to it is kept as text. */
export interface Raw extends Disposable {
  readonly socket: Socket;
  readonly text: string;
  send(bytes: string | Uint8Array): void;
  /** Resolves with all text when it matches; rejects if the connection ends before. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with all text when the server has closed. */
  closed(): Promise<string>;
}

export async function raw(port: number): Promise<Raw> {
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  let text = "";
  let wake = (): void => {};
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    wake();
  });
  return {
    socket,
    get text() {
      return text;
    },
    send: (bytes) => void socket.write(bytes),
    until: async (pattern) => {
      while (!pattern.test(text)) {
        if (socket.destroyed) throw new Error(`the connection ended after ${JSON.stringify(text)}`);
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
      }
      return text;
    },
    closed: async () => {
      await ended;
      return text;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
