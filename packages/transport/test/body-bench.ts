import { BodyBuffer, BodyReader, type BodySource } from "../src/body.ts";
import { TransportError, type TransportErrorCode } from "../src/error.ts";

/** An error of a body that had begun. */
export const makeError = (code: TransportErrorCode, message: string = code): TransportError =>
  new TransportError(code, message, { delivery: "answered", phase: "body", protocol: "stub", origin: "stub://a" });

/** What a body asked of its source, in order. */
export type Asked = "pause" | "resume" | "cancel";

export interface Bench {
  readonly buffer: BodyBuffer;
  readonly body: BodyReader;
  readonly asked: Asked[];
  readonly reasons: unknown[];
}

/** A body, both ends of it, and what it asked of its source. */
export function bench(maxBytes: number = 1_000_000): Bench {
  const asked: Asked[] = [];
  const reasons: unknown[] = [];
  const source: BodySource = {
    maxBytes,
    pause: () => void asked.push("pause"),
    resume: () => void asked.push("resume"),
    cancel: (reason) => {
      asked.push("cancel");
      reasons.push(reason);
    },
    tooLong: (limit) => makeError("LIMIT_EXCEEDED", `longer than ${limit} bytes`),
  };
  const buffer = new BodyBuffer(source);
  return { buffer, body: new BodyReader(buffer), asked, reasons };
}

/** One turn of the event loop: whatever can settle by then has settled. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
