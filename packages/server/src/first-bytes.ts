import type { Socket } from "node:net";
import { maxTimerMs } from "./check-options.ts";

/** What a client with prior knowledge of HTTP/2 sends first (RFC 9113, 3.4); no request of HTTP/1.1 begins like it. */
const preface = Buffer.from("PRI * HTTP/2.0");

/** What speaks a client whose first bytes these are; undefined while they could be either. */
export function protocolOf(bytes: Uint8Array): "h2" | "http/1.1" | undefined {
  const length = Math.min(bytes.byteLength, preface.byteLength);
  if (preface.compare(bytes, 0, length, 0, length) !== 0) return "http/1.1";
  return length === preface.byteLength ? "h2" : undefined;
}

/**
 * Reads as little of a fresh connection as tells its protocol, puts it back, and hands the socket on, paused. A client that
 * does not say enough within `timeoutMs`, or hangs up before, is let go. The socket is the caller's from `found` on.
 */
export function readFirstBytes(socket: Socket, timeoutMs: number, found: (protocol: "h2" | "http/1.1") => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  const destroy = (): void => void socket.destroy();
  const read = (chunk: Buffer): void => {
    bytes = bytes.byteLength === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const protocol = protocolOf(bytes);
    if (protocol === undefined) return;
    clearTimeout(timer);
    socket.off("end", destroy).off("error", destroy).off("close", forget).off("data", read);
    socket.pause();
    socket.unshift(bytes);
    found(protocol);
  };
  const timer = setTimeout(destroy, Math.min(timeoutMs, maxTimerMs)).unref();
  const forget = (): void => clearTimeout(timer);
  socket.on("end", destroy).on("error", destroy).on("close", forget).on("data", read);
}
