/** What is asked of a WebSocket that was opened: those of `ws` have it, on either side. */
export interface MessageSocket {
  readonly protocol: string;
  /** 1 while it is open. */
  readonly readyState: number;
  readonly isPaused: boolean;
  on(event: "message", listener: (data: unknown, isBinary: boolean) => void): unknown;
  on(event: "close", listener: (code: number, reason: Buffer) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "ping" | "pong", listener: () => void): unknown;
  /** `sent` is told why, if the message was not written. */
  send(data: string | Uint8Array, options: { readonly compress: boolean }, sent: (error?: unknown) => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
}

/** The socket beneath. */
export interface WireSocket {
  readonly bytesRead: number;
  ref(): unknown;
  unref(): unknown;
}

export const openState = 1;

const maxReasonBytes = 123;

/** @throws TypeError for a close code that may not be sent (RFC 6455, 7.4). */
export function checkCloseCode(code: number): void {
  const isNamed = code >= 1_000 && code <= 1_014 && (code < 1_004 || code > 1_006);
  const isFree = code >= 3_000 && code <= 4_999;
  if (!Number.isInteger(code) || !(isNamed || isFree))
    throw new TypeError(`${code} is not a close code that may be sent`);
}

/** A reason that fits a close frame (RFC 6455, 5.5), cut between characters. */
export function closeReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.byteLength <= maxReasonBytes) return reason;
  let end = maxReasonBytes;
  while (((bytes[end] as number) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
