import type { Channel } from "@holdfast/transport";
import type { Pipe, PipeListener } from "./pipe.ts";

/** Any channel as a pipe. The channel is the pipe's from then on. */
export function pipeOf(channel: Channel): Pipe {
  return {
    start: (listener) => void readAll(channel, listener),
    send: (message, written) => {
      // A channel that is gone says so by its end.
      channel.send(message).then(written, written);
    },
    close: (code, reason) => {
      // One that cannot say goodbye is gone already.
      channel.close(code, reason).catch(() => {});
    },
    destroy: (reason) => channel.destroy(reason),
  };
}

async function readAll(channel: Channel, listener: PipeListener): Promise<void> {
  try {
    for await (const message of channel) listener.message(message);
    const { clean, code, reason } = await channel.closed;
    listener.closed(clean && code === 1000 ? undefined : new Error(`the channel was closed with ${code} ${reason}`));
  } catch (error) {
    listener.closed(error instanceof Error ? error : new Error(String(error)));
  }
}
