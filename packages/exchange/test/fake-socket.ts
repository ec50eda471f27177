import { EventEmitter } from "node:events";
import type { MessageSocket, WireSocket } from "../src/index.ts";

/** A WebSocket without a wire: what is sent waits until the test says that it was written. */
export class FakeSocket extends EventEmitter implements MessageSocket {
  readonly protocol: string = "v1";
  readyState = 1;
  isPaused = false;
  readonly sent: { readonly data: string | Uint8Array; readonly sent: (error?: unknown) => void }[] = [];
  readonly closes: (readonly [number | undefined, string | undefined])[] = [];
  pings = 0;
  terminated = false;

  send(data: string | Uint8Array, _: object, sent: (error?: unknown) => void): void {
    this.sent.push({ data, sent });
  }

  /** The oldest so many have left. */
  write(count: number, error?: unknown): void {
    for (const { sent } of this.sent.splice(0, count)) sent(error);
  }

  ping(): void {
    this.pings++;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  close(code?: number, reason?: string): void {
    this.readyState = 2;
    this.closes.push([code, reason]);
  }

  terminate(): void {
    this.terminated = true;
    this.ended(1_006);
  }

  message(data: string | Uint8Array): void {
    this.emit("message", Buffer.from(data as string), typeof data !== "string");
  }

  ended(code: number, reason = ""): void {
    this.readyState = 3;
    this.emit("close", code, Buffer.from(reason));
  }
}

/** The socket beneath a {@link FakeSocket}. */
export class FakeWire implements WireSocket {
  bytesRead = 0;
  held: boolean | undefined;

  ref(): void {
    this.held = true;
  }

  unref(): void {
    this.held = false;
  }
}
