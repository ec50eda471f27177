/** Names the protocol and its version, as a WebSocket sub-protocol for one. */
export const muxSubprotocol = "holdfast.mux.v1";

/** Every frame begins with: length of its payload (24 bits), type (4), flags (4), stream (32). */
export const headerBytes = 8;

/** Of a message that every receiver takes. PROTOCOL.md, 2. */
export const leastMessageBytes: number = headerBytes + 65_535;

/** Before the name and the value of each field of a block: their lengths. */
export const fieldBytes = 4;

/** PROTOCOL.md, 3. */
export const frameType = {
  data: 0,
  headers: 1,
  reset: 2,
  window: 3,
  goAway: 4,
  settings: 5,
  ping: 6,
} as const;

/** On DATA and HEADERS: this side has said all. */
export const endFlag = 1;
/** On HEADERS: a 1xx head, others follow. */
export const infoFlag = 2;
/** On PING: the answer to one. */
export const ackFlag = 1;

/** Why a stream was reset, or a connection given up. PROTOCOL.md, 6. */
export const muxCode = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 4,
  frameSize: 5,
  /** Not processed: it may be sent again, whatever it was. */
  refused: 6,
  cancelled: 7,
  overload: 8,
  deadline: 9,
} as const;

/** Sums of credit stay below this. */
export const maxWindowBytes: number = 2 ** 31 - 1;

/** How a connection was broken by the peer: what it is told, and closed for. */
export interface Violation {
  readonly code: number;
  readonly reason: string;
}
