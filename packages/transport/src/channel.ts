import type { Fields } from "./fields.ts";
import type { ConnectionInfo } from "./response.ts";

/** One unit of a channel: text or bytes, as the peer marked it. */
export type Message = string | Uint8Array;

export interface ChannelRequest {
  readonly url: URL | string;
  readonly headers?: Fields;
  /** In order of preference. */
  readonly subprotocols?: readonly string[];
  /** Covers opening only; an open channel is ended by `close()` or `destroy()`. */
  readonly signal?: AbortSignal;
}

export interface ChannelClosed {
  /** As RFC 6455, 7.4 has it; 1006 if the connection was lost. */
  readonly code: number;
  readonly reason: string;
  /** Both sides said goodbye. */
  readonly clean: boolean;
}

/** Ordered messages in both directions. Iterating ends with a clean close and throws on any other. */
export interface Channel extends AsyncIterable<Message>, AsyncDisposable {
  readonly subprotocol: string;
  readonly connection: ConnectionInfo;
  readonly closed: Promise<ChannelClosed>;
  /** Resolves when there is room for the next; what is not yet written is bounded in bytes. */
  send(message: Message): Promise<void>;
  close(code?: number, reason?: string): Promise<void>;
  destroy(reason?: unknown): void;
}
