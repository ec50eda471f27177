import { type Pipe, type PipeListener, pipePair } from "@holdfast/exchange";
import { readWire, type WireFrame, settings, type } from "./wire.ts";

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const maxTurns = 20_000;

/** Turns until it is so. */
export async function until(what: string, reached: () => boolean): Promise<void> {
  for (let turns = 0; !reached(); turns++) {
    if (turns === maxTurns) throw new Error(`${what}: not after ${maxTurns} turns`);
    await turn();
  }
}

/** A far end that sends what it is told, and records what comes. */
export class MuxPeer implements PipeListener {
  readonly frames: WireFrame[] = [];
  readonly messages: Uint8Array[] = [];
  /** How the pipe ended. */
  ending: { readonly error: Error | undefined } | undefined;
  readonly #pipe: Pipe;
  /** Frames that a test has seen. */
  #seen = 0;

  constructor(pipe: Pipe) {
    this.#pipe = pipe;
    pipe.start(this);
  }

  message(message: Uint8Array | string): void {
    if (typeof message === "string") throw new Error("a text message was sent");
    this.messages.push(message);
    for (const frame of readWire(message)) this.frames.push(frame);
  }

  closed(error?: Error): void {
    this.ending = { error };
  }

  /** One message. */
  send(...frames: readonly Uint8Array[]): void {
    this.#pipe.send(Buffer.concat(frames), () => {});
  }

  /** A message that is none. */
  sendText(text: string): void {
    this.#pipe.send(text as unknown as Uint8Array, () => {});
  }

  close(code = 1000, reason = ""): void {
    this.#pipe.close(code, reason);
  }

  destroy(): void {
    this.#pipe.destroy(new Error("the peer is gone"));
  }

  /** The next frame of this type (and stream), those before it passed over. */
  async next(kind: number, stream?: number): Promise<WireFrame> {
    for (let turns = 0; turns < maxTurns; turns++) {
      while (this.#seen < this.frames.length) {
        const frame = this.frames[this.#seen++] as WireFrame;
        if (frame.type === kind && (stream === undefined || frame.stream === stream)) return frame;
      }
      if (this.ending !== undefined) throw new Error(`the pipe ended: ${String(this.ending.error)}`);
      await turn();
    }
    throw new Error(`no frame of type ${kind} came`);
  }

  /** Until nothing has come for a while. */
  async quiet(): Promise<void> {
    for (let same = 0, last = this.messages.length; same < 50; same++) {
      await turn();
      if (this.messages.length !== last) same = 0;
      last = this.messages.length;
    }
  }

  of(kind: number, stream?: number): readonly WireFrame[] {
    return this.frames.filter((frame) => frame.type === kind && (stream === undefined || frame.stream === stream));
  }

  /** Bytes of DATA that came. */
  bytes(stream?: number): number {
    return this.of(type.data, stream).reduce((sum, { payload }) => sum + payload.byteLength, 0);
  }

  /** The connection was given up: the code of its GOAWAY, and that of the pipe's end. */
  async violation(): Promise<{ readonly code: number; readonly reason: string; readonly closed: boolean }> {
    await until("the pipe ends", () => this.ending !== undefined);
    const goAway = this.of(type.goAway).at(-1);
    return {
      code: goAway?.payload.readUInt32BE(4) ?? -1,
      reason: goAway?.payload.toString("utf8", 8) ?? "",
      closed: /closed with 1002/.test(String(this.ending?.error)),
    };
  }
}

/** A peer, and the pipe to it. */
export function peerPair(): { readonly pipe: Pipe; readonly peer: MuxPeer } {
  const [near, far] = pipePair();
  return { pipe: near, peer: new MuxPeer(far) };
}

/** One whose SETTINGS are on their way. */
export function settledPeer(values: Readonly<Record<number, number>> = {}): ReturnType<typeof peerPair> {
  const pair = peerPair();
  pair.peer.send(settings(values));
  return pair;
}
