import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Session } from "node:http2";
import { Duplex } from "node:stream";
import { frame, type Frame, frames } from "./frames.ts";

/** Reads HPACK by giving nothing but the heads to a server session of node's, whose own words nobody hears. */
export class HeadReader {
  onHead: (stream: number, headers: IncomingHttpHeaders) => void = () => {};
  readonly #pipe: Duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  readonly #session: ServerHttp2Session;

  constructor() {
    this.#session = performServerHandshake(this.#pipe, { maxSessionMemory: 1_024 });
    this.#session.on("error", () => {});
    this.#session.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      this.onHead(stream.id as number, headers);
      stream.close();
    });
    this.#pipe.push("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    this.#pipe.push(frame(frames.settings, 0, Buffer.alloc(0)));
  }

  take({ type, stream, payload, flags }: Frame): void {
    this.#pipe.push(frame(type, stream, payload, flags));
  }

  stop(): void {
    this.#session.destroy();
  }
}
