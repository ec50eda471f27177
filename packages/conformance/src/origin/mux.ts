import { noFields, toFields, type Fields } from "@holdfast/transport";
import type { HostileTls } from "../hostile/hostile-tls.ts";
import type { MessagePipe } from "../hostile/message-pipe.ts";
import {
  muxCodes,
  muxEnd,
  type MuxField,
  muxInfo,
  muxLeastWindowBytes,
  muxProtocol,
  muxSetting,
} from "../hostile/mux-frames.ts";
import { MuxPeer, type MuxRequest } from "../hostile/mux-peer.ts";
import { scriptedServer } from "../hostile/scripted-server.ts";
import { WebSocketPeer } from "../hostile/web-socket-peer.ts";
import { turn } from "../turn.ts";
import { application } from "./application.ts";
import { type ChannelAnswer, channelApplication } from "./channel-application.ts";
import { Control } from "./control.ts";
import type { Origin, OriginHandler, OriginResponse } from "./origin.ts";
import { PeerChannel } from "./peer-channel.ts";

export interface MuxOriginOptions extends HostileTls {}

/**
 * The application over WebSocket on a free port of 127.0.0.1: exchanges to whoever offers the sub-protocol
 * `holdfast.mux.v1`, channels to all others. Both are written from their specifications alone.
 */
export async function muxOrigin({ tls }: MuxOriginOptions = {}): Promise<Origin> {
  const control = new Control();
  const exchanges = application(control);
  const channels = channelApplication(control);
  const server = await scriptedServer(
    (socket, index) => {
      socket.once("close", control.noteConnection());
      return new WebSocketPeer(socket, index);
    },
    (peer) => serveUpgrade(peer, { exchanges, channels, control }),
    tls === undefined ? {} : { tls },
  );
  return {
    url: server.url,
    control,
    close: async () => {
      await server[Symbol.asyncDispose]();
    },
  };
}

interface Applications {
  readonly exchanges: OriginHandler;
  readonly channels: (url: URL) => ChannelAnswer | undefined;
  readonly control: Control;
}

async function serveUpgrade(peer: WebSocketPeer, { exchanges, channels, control }: Applications): Promise<void> {
  const { path, headers, subprotocols } = await peer.upgrade();
  const answer = channels(new URL(path, "http://127.0.0.1"));
  if (headers["upgrade"]?.toLowerCase() !== "websocket") {
    peer.refuse(426);
  } else if (subprotocols.includes(muxProtocol)) {
    peer.accept(muxProtocol);
    await answerMux(peer, exchanges).closed;
  } else if (answer === undefined) {
    peer.refuse(404);
  } else {
    peer.accept(subprotocols.find((name) => name.startsWith("kit.")));
    await answer(new PeerChannel(peer), control);
  }
}

const streamWindowBytes = 4 * muxLeastWindowBytes;

/** Answers the requests that come by a pipe by `handler`, save those that `refuses` says it never looks at. */
export function answerMux(
  pipe: MessagePipe,
  handler: OriginHandler,
  refuses: (request: MuxRequest) => boolean = () => false,
): MuxPeer {
  const peer: MuxPeer = new MuxPeer(pipe, {
    credit: false,
    settings: { [muxSetting.streamWindow]: streamWindowBytes, [muxSetting.connectionWindow]: 16 * streamWindowBytes },
    onRequest: (request) => {
      if (refuses(request)) {
        void peer.reset(request.stream, muxCodes.refused);
        peer.forget(request.stream);
      } else void new Answer(peer, request).run(handler);
    },
  });
  return peer;
}

/** One request and its response. */
class Answer {
  readonly #peer: MuxPeer;
  readonly #request: MuxRequest;
  readonly #stream: number;
  readonly #gone: AbortController = new AbortController();
  readonly #trailers: PromiseWithResolvers<Fields> = Promise.withResolvers();
  #done = false;

  constructor(peer: MuxPeer, request: MuxRequest) {
    this.#peer = peer;
    this.#request = request;
    this.#stream = request.stream;
    this.#trailers.promise.catch(() => {});
  }

  async run(handler: OriginHandler): Promise<void> {
    const peer = this.#peer;
    const { head } = this.#request;
    const watched = peer.until(() => this.#done || this.#request.over || undefined).catch(() => {});
    void watched.then(() => this.#left());
    const pseudo = new Map(head);
    const method = pseudo.get(":method") ?? "GET";
    try {
      const {
        status = 200,
        headers = noFields,
        body,
        trailers,
      } = await handler({
        method,
        url: new URL(pseudo.get(":path") ?? "/", "http://127.0.0.1"),
        headers: toFields(head.filter(([name]) => !name.startsWith(":"))),
        body: this.#body(),
        trailers: this.#trailers.promise,
        signal: this.#gone.signal,
        informational: (code, hints = noFields) => void this.#head(code, hints, muxInfo),
      });
      const isBodiless = method === "HEAD" || status === 204 || status === 304;
      const endsHere = (isBodiless || body === undefined) && trailers === undefined;
      await this.#head(status, headers, endsHere ? muxEnd : 0);
      if (isBodiless) await unread(body);
      else if (body !== undefined) await this.#send(body);
      if (!endsHere && !this.#request.over) await this.#end(await trailers?.());
      if (!this.#request.ended && !this.#request.over) await peer.reset(this.#stream, muxCodes.none);
    } catch {
      // What was written still leaves.
      await turn();
      if (!this.#request.over) await peer.reset(this.#stream, muxCodes.internal);
    }
    this.#done = true;
    this.#trailers.reject(new Error("the response has ended"));
    peer.forget(this.#stream);
  }

  #left(): void {
    if (this.#done) return;
    this.#trailers.reject(new Error("the client left"));
    this.#gone.abort();
  }

  /** Makes room for more as it is read. */
  async *#body(): AsyncGenerator<Uint8Array, undefined> {
    const peer = this.#peer;
    const request = this.#request;
    for (;;) {
      await peer.until(() => request.chunks.length > 0 || request.ended || request.over || undefined);
      const chunk = peer.take(this.#stream);
      if (chunk === undefined) break;
      yield chunk;
      if (!request.ended) await peer.window(this.#stream, chunk.byteLength);
    }
    if (!request.ended) throw new Error("the client left");
    this.#trailers.resolve(toFields(request.trailers));
  }

  #head(status: number, headers: Fields, flags: number): Promise<void> {
    return this.#peer.headers(this.#stream, [[":status", String(status)], ...fieldsOf(headers)], flags);
  }

  async #send(body: NonNullable<OriginResponse["body"]>): Promise<void> {
    const whole = typeof body === "string" || body instanceof Uint8Array;
    for await (const chunk of whole ? [Buffer.from(body as string)] : body) {
      let left: Uint8Array = chunk;
      while (left.byteLength > 0) {
        await this.#peer.until(() => this.#request.over || this.#peer.room(this.#stream) > 0 || undefined);
        if (this.#request.over) return;
        const now = left.subarray(0, this.#peer.room(this.#stream));
        left = left.subarray(now.byteLength);
        await this.#peer.data(this.#stream, now);
      }
    }
  }

  #end(trailers: Fields | undefined): Promise<void> {
    return trailers === undefined
      ? this.#peer.data(this.#stream, Buffer.alloc(0), muxEnd)
      : this.#peer.headers(this.#stream, fieldsOf(trailers), muxEnd);
  }
}

/** Tells the maker of a body that nobody wants it. */
async function unread(body: OriginResponse["body"]): Promise<void> {
  if (typeof body === "object" && !(body instanceof Uint8Array)) await body[Symbol.asyncIterator]().return?.();
}

/** Lower-case names, each value by itself. */
export function fieldsOf(fields: Fields): MuxField[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((one): MuxField => [name.toLowerCase(), one]),
  );
}
