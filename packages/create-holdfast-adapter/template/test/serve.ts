import type { Socket } from "node:net";
import { Readable } from "node:stream";
import type { OriginHandler, OriginResponse } from "@holdfast/conformance";
import { type Fields, fieldValues, noFields, toFields } from "@holdfast/transport";
import { LineReader } from "../src/line-reader.ts";
import { type ClientLine, encode, type Pairs, type RequestHead, type ServerLine } from "../src/line.ts";

/** A request that is answered while it may still arrive. */
interface Arriving {
  readonly body: Readable;
  readonly trailers: PromiseWithResolvers<Fields>;
  readonly left: AbortController;
}

/** Answers what comes over one socket, and goes on reading while it does, so that it sees the client leave. */
export function serveJsonl(socket: Socket, handler: OriginHandler): void {
  const reader = new LineReader();
  let arriving: Arriving | undefined;
  // An answer is several small writes, each of which would else wait until the client has acknowledged the one before.
  socket.setNoDelay(true);
  socket.on("data", (bytes: Buffer) => {
    for (const text of reader.read(bytes)) {
      const line = JSON.parse(text) as ClientLine;
      if ("method" in line) {
        arriving = arrivingOn(socket);
        void answer(socket, handler, line, arriving);
      } else if ("data" in line) {
        // A body that nobody reads makes the client wait.
        if (arriving?.body.push(Buffer.from(line.data, "base64")) === false) socket.pause();
      } else {
        arriving?.trailers.resolve(toFields(line.end));
        arriving?.body.push(null);
      }
    }
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    const error = new Error("the client left");
    arriving?.left.abort(error);
    arriving?.trailers.reject(error);
    arriving?.body.destroy(error);
  });
}

function arrivingOn(socket: Socket): Arriving {
  const body = new Readable({ read: () => void socket.resume() });
  const trailers = Promise.withResolvers<Fields>();
  // The handler need not read either.
  body.on("error", () => {});
  trailers.promise.catch(() => {});
  return { body, trailers, left: new AbortController() };
}

async function answer(
  socket: Socket,
  handler: OriginHandler,
  { method, path, fields }: RequestHead,
  { body, trailers, left }: Arriving,
): Promise<void> {
  try {
    const response = await handler({
      method,
      url: new URL(path, "http://origin.example"),
      headers: toFields(fields),
      body,
      trailers: trailers.promise,
      signal: left.signal,
      informational: (status, headers) => void write(socket, headOf(status, headers)).catch(() => {}),
    });
    await write(socket, headOf(response.status ?? 200, response.headers));
    for await (const chunk of chunksOf(response.body)) {
      if (method !== "HEAD") await write(socket, { data: Buffer.from(chunk).toString("base64") });
    }
    await write(socket, { end: toPairs((await response.trailers?.()) ?? noFields) });
    body.resume();
  } catch {
    // What was written still leaves, but no end mark.
    socket.destroySoon();
  }
}

/** Resolves when the line has left, rejects if it cannot. */
function write(socket: Socket, line: ServerLine): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(encode(line), (error) => (error ? reject(error) : resolve()));
  });
}

function chunksOf(body: OriginResponse["body"] = ""): AsyncIterable<Uint8Array> | readonly Uint8Array[] {
  return typeof body === "string" || body instanceof Uint8Array ? [Buffer.from(body)] : body;
}

function headOf(status: number, fields: Fields = noFields): ServerLine {
  return { status, fields: toPairs(fields) };
}

function toPairs(fields: Fields): Pairs {
  return Object.keys(fields).flatMap((name) => fieldValues(fields, name).map((value) => [name, value] as const));
}
