/** Whole messages, both ways, in order: what `holdfast.mux.v1` runs on. The `Pipe` of `@holdfast/exchange` is one. */
export interface MessagePipe {
  /** Called once, first. */
  start(listener: MessageListener): void;
  /** `written` is called when the message has left, or never will. */
  send(message: Uint8Array, written: () => void): void;
  /** Ends it in good order. */
  close(code: number, reason: string): void;
  /** Ends it now. */
  destroy(reason?: unknown): void;
}

export interface MessageListener {
  message(message: Uint8Array | string): void;
  /** Called once, last. */
  closed(error?: Error): void;
}
