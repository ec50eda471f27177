import { muxCode, type Violation } from "./frames.ts";
import { ResetStreams } from "./reset-streams.ts";

const maxStreamId = 2 ** 32 - 1;

/** The stream ids of one connection: which are used, by which side, and of which closed streams frames may still come. */
export class StreamIds {
  /** Of the last stream of the peer's that was taken; those above were never looked at. */
  lastAccepted = 0;
  readonly #reset: ResetStreams = new ResetStreams();
  /** Those among them that were refused. */
  #refused: ResetStreams | undefined;
  /** Given up when the peer had said all on them: nothing but its RESET may still come. */
  #resetEnded: ResetStreams | undefined;
  #next: number;
  #lastOfPeer = 0;

  /** `first`: of this side's streams, odd at the asking end, even at the answering end. */
  constructor(first: number) {
    this.#next = first;
  }

  /** This side can open another stream. */
  get left(): boolean {
    return this.#next <= maxStreamId;
  }

  /** The next of this side's. Each is given out once, also if its stream is never opened. */
  take(): number {
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  isOurs(id: number): boolean {
    return (id & 1) === (this.#next & 1);
  }

  /** Nobody has opened it. */
  isIdle(id: number): boolean {
    return this.isOurs(id) ? id >= this.#next : id > this.#lastOfPeer;
  }

  /** The peer opens it; false if it may not. */
  open(id: number): boolean {
    if (this.isOurs(id) || id <= this.#lastOfPeer) return false;
    this.#lastOfPeer = id;
    return true;
  }

  /** This side has given up a stream that the peer had not ended: what is on its way is passed over. */
  wasReset(id: number): void {
    this.#reset.add(id);
  }

  /** This side has given up a stream of the peer's that the peer had ended. */
  wasResetEnded(id: number): void {
    this.#resetEnded ??= new ResetStreams();
    this.#resetEnded.add(id);
  }

  /** This side has refused a stream that the peer has opened. */
  wasRefused(id: number): void {
    this.#reset.add(id);
    this.#refused ??= new ResetStreams();
    this.#refused.add(id);
  }

  /** This side has given it up when it was at work on it, so that a RESET by the peer may only have crossed ours. */
  mayCross(id: number): boolean {
    return (this.#reset.has(id) && this.#refused?.has(id) !== true) || this.#resetEnded?.has(id) === true;
  }

  /** Whether frames of this closed stream may still come. */
  mayLinger(id: number): boolean {
    return this.#reset.has(id);
  }

  /** What a frame of a stream that is not there breaks, if anything. */
  strayed(id: number): Violation | undefined {
    if (this.isIdle(id)) return { code: muxCode.protocol, reason: "a frame of a stream that nobody opened" };
    return this.mayLinger(id) ? undefined : { code: muxCode.streamClosed, reason: "a frame of a closed stream" };
  }
}
