import type { Socket } from "node:net";
import { beneath, resetSocket } from "./reset-socket.ts";
import { Gone } from "./scripted-server.ts";

/** One request as it stood on the wire. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** Lower-case names, the last value of each. */
  readonly headers: Readonly<Record<string, string>>;
  /** The head as it came, without the empty line. */
  readonly head: string;
  /** Decoded from chunks where it came in some. */
  readonly body: Buffer;
  /** The connection that it came on, from 0. */
  readonly connection: number;
}

/** The server's end of one connection: reads requests, and writes exactly what it is told. */
export class RawPeer {
  readonly socket: Socket;
  /** From 0, in the order of accepting. */
  readonly index: number;
  /** Settles when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #requests: RawRequest[];
  #bytes: Buffer = Buffer.alloc(0);
  #over = false;
  #wake: () => void = () => {};

  constructor(socket: Socket, index: number, requests: RawRequest[]) {
    this.socket = socket;
    this.index = index;
    this.#requests = requests;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const over = (): void => {
      this.#over = true;
      this.#wake();
    };
    socket.once("end", over).once("close", over);
  }

  /** The next request with its whole body. Rejects with {@link Gone} when there is none. */
  async request(): Promise<RawRequest> {
    const head = await this.head();
    const request = { ...head, body: await this.body(head) };
    this.#requests.push(request);
    return request;
  }

  /** The body that belongs to a head. */
  body({ headers }: Pick<RawRequest, "headers">): Promise<Buffer> {
    return headers["transfer-encoding"] === "chunked"
      ? this.#chunked()
      : this.take(Number(headers["content-length"] ?? 0));
  }

  /** The next request's head alone; not counted as a request of the server. */
  async head(): Promise<Omit<RawRequest, "body">> {
    const head = await this.until("\r\n\r\n");
    const [line = "", ...fields] = head.split("\r\n");
    const [method = "", path = ""] = line.split(" ");
    const headers = Object.fromEntries(
      fields.map((field) => [
        field.slice(0, field.indexOf(":")).toLowerCase(),
        field.slice(field.indexOf(":") + 1).trim(),
      ]),
    );
    return { method, path, headers, head, connection: this.index };
  }

  /** What comes before `mark`, which is taken too. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#bytes.indexOf(mark);
      if (at >= 0) {
        const text = this.#bytes.toString("latin1", 0, at);
        this.#bytes = this.#bytes.subarray(at + mark.length);
        return text;
      }
      await this.#more();
    }
  }

  async take(length: number): Promise<Buffer> {
    while (this.#bytes.byteLength < length) await this.#more();
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  /** Resolves when these bytes were handed to the kernel. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) =>
      this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, () => resolve()),
    );
  }

  /** Ends with FIN, after these last bytes. */
  fin(bytes = ""): void {
    this.socket.end(bytes, "latin1");
  }

  /** Ends with FIN and, over TLS, without saying goodbye before. */
  hangUp(): void {
    beneath(this.socket).destroy();
  }

  /** Ends with RST. */
  reset(): void {
    resetSocket(this.socket);
  }

  async #chunked(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const length = Number.parseInt(await this.until("\r\n"), 16);
      if (length === 0) break;
      chunks.push(await this.take(length));
      await this.until("\r\n");
    }
    await this.until("\r\n");
    return Buffer.concat(chunks);
  }

  async #more(): Promise<void> {
    if (this.#over) throw new Gone();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
