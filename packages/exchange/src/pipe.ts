/** Where the protocol runs: whole messages, both ways, in order. A WebSocket is one, and so is a pair in this process. */
export interface Pipe {
  /** Called once, first. Messages and the end go to `listener` from then on, none before. */
  start(listener: PipeListener): void;
  /** False from when it takes no message any more, be it that the peer has said goodbye. A pipe that cannot know leaves it out. */
  readonly open?: boolean;
  /** Never refuses; `written` is called when the message has left, or when it never will. The bytes must not be changed. */
  send(message: Uint8Array, written: () => void): void;
  /** Ends it in good order, after what was sent. Codes are those of WebSocket (RFC 6455, 7.4). `closed` follows, in bounded time whatever the peer does. */
  close(code: number, reason: string): void;
  /** Ends it now. `closed` follows. */
  destroy(reason?: unknown): void;
  /** It shall keep the process alive, or not. */
  hold?(alive: boolean): void;
}

export interface PipeListener {
  /** The bytes belong to the listener. */
  message(message: Uint8Array | string): void;
  /** Called once, last. `error` says why, unless both ends wanted it. */
  closed(error?: Error): void;
}
