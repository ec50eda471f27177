import { ack, type Frame, frames, setting } from "./frames.ts";

/** How much DATA the client lets a server send (RFC 9113, 5.2), told from the frames that came and went. */
export class SendWindows {
  #initial = 65_535;
  #session = 65_535;
  readonly #streams = new Map<number, number>();

  /** A frame of the client. */
  received({ type, flags, stream, payload }: Frame): void {
    if (type === frames.windowUpdate) this.#add(stream, payload.readUInt32BE(0) & 0x7fff_ffff);
    if (type !== frames.settings || flags & ack) return;
    for (let at = 0; at + 6 <= payload.byteLength; at += 6)
      if (payload.readUInt16BE(at) === setting.windowBytes) this.#initial = payload.readUInt32BE(at + 2);
  }

  /** DATA that was sent, whether there was room or not. */
  sent(stream: number, bytes: number): void {
    this.#add(stream, -bytes);
    this.#session -= bytes;
  }

  /** What may be sent now. */
  room(stream: number): number {
    return Math.max(0, Math.min(this.#session, this.#initial + (this.#streams.get(stream) ?? 0)));
  }

  #add(stream: number, bytes: number): void {
    if (stream === 0) this.#session += bytes;
    else this.#streams.set(stream, (this.#streams.get(stream) ?? 0) + bytes);
  }
}
