import type { WebSocketPeer } from "../hostile/web-socket-peer.ts";
import type { OriginChannel } from "./channel-application.ts";

/** How much waits for a reader before the client is made to wait. */
const heldBytes = 65_536;

/** A channel of the application over a WebSocket. */
export class PeerChannel implements OriginChannel {
  readonly messages: AsyncIterable<string | Uint8Array>;
  readonly closed: OriginChannel["closed"];
  readonly send: OriginChannel["send"];
  readonly close: OriginChannel["close"];
  readonly destroy: OriginChannel["destroy"];
  readonly #peer: WebSocketPeer;
  readonly #held: (string | Uint8Array)[] = [];
  #bytes = 0;
  #over = false;
  #wake: () => void = () => {};

  constructor(peer: WebSocketPeer) {
    this.#peer = peer;
    this.closed = peer.closed;
    this.send = (message) => peer.write(message);
    this.close = (code, reason) => peer.close(code, reason);
    this.destroy = () => peer.reset();
    this.messages = { [Symbol.asyncIterator]: () => this.#read() };
    void peer.closed.then(() => {
      this.#over = true;
      this.#wake();
    });
    peer.start({ message: (message) => this.#push(message), closed: () => {} });
  }

  #push(message: string | Uint8Array): void {
    this.#held.push(message);
    this.#bytes += message.length;
    if (this.#bytes > heldBytes) this.#peer.socket.pause();
    this.#wake();
  }

  async *#read(): AsyncGenerator<string | Uint8Array, undefined> {
    for (;;) {
      const message = this.#held.shift();
      if (message === undefined) {
        if (this.#over) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      this.#bytes -= message.length;
      if (this.#bytes <= heldBytes) this.#peer.socket.resume();
      yield message;
    }
  }
}
