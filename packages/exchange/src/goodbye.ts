import { checkCloseCode, type MessageSocket } from "./message-socket.ts";

/** How long a peer may take nothing of what is sent before the goodbye. */
const untakenMs = 30_000;

/**
 * The goodbye on a socket, which waits until all that was sent has left: how long the peer may take to answer counts from then.
 * A peer that takes nothing for a while is not waited for.
 */
export class Goodbye {
  readonly #socket: MessageSocket;
  /** Messages that have not left. */
  #unsent = 0;
  #said: { readonly code: number; readonly reason: string } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: MessageSocket) {
    this.#socket = socket;
    socket.on("close", () => clearTimeout(this.#timer));
  }

  /** Nothing shall be sent any more. */
  get said(): boolean {
    return this.#said !== undefined;
  }

  /** `reason` fits a close frame. @throws TypeError for a code that may not be sent; then nothing was said. */
  say(code: number, reason: string): void {
    checkCloseCode(code);
    if (this.#said !== undefined) return;
    this.#said = { code, reason };
    this.#step();
  }

  /** A message was given to the socket. Then `left` must be called, once. */
  sending(): void {
    this.#unsent++;
  }

  left(): void {
    this.#unsent--;
    if (this.#said !== undefined) this.#step();
  }

  #step(): void {
    clearTimeout(this.#timer);
    const { code, reason } = this.#said ?? {};
    if (this.#unsent === 0) this.#socket.close(code, reason);
    else this.#timer = setTimeout(() => this.#socket.terminate(), untakenMs).unref();
  }
}
