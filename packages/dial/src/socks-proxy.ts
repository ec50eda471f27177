import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { messageOf } from "./errors.ts";
import type { Proxy } from "./proxy.ts";
import { readAnswer } from "./read-answer.ts";

/** The longest name and credential that SOCKS5 can carry (RFC 1928, 5; RFC 1929, 2). */
const maxTextBytes = 255;

/** The longest time that node's timers know. */
const maxTimerMs = 2_147_483_647;

/**
 * Asks a SOCKS5 proxy for a tunnel (RFC 1928). Afterwards the next byte that the socket yields is the peer's. Rejects with
 * an error whose message completes "the proxy …"; the caller destroys the socket then, and is the one to limit the time.
 *
 * The handshake is the socks package's, over a wire of ours between it and the socket: it would take bytes of the peer that
 * come with the proxy's answer, and would forget the system's error.
 */
export async function openSocksTunnel(
  socket: Socket,
  destination: { readonly host: string; readonly port: number },
  proxy: Proxy,
  timeoutMs: number,
): Promise<void> {
  const { username: userId = "", password = "" } = proxy.credentials ?? {};
  // The package would throw where nobody can catch it.
  if (Buffer.byteLength(destination.host) > maxTextBytes)
    throw new Error("cannot be asked for a name of more than 255 bytes");
  if (Math.max(Buffer.byteLength(userId), Buffer.byteLength(password)) > maxTextBytes) {
    throw new Error("cannot be given credentials of more than 255 bytes");
  }
  const { SocksClient } = await import("socks");
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      socket.write(chunk);
      done();
    },
  });
  const client = new SocksClient({
    command: "connect",
    destination,
    proxy: {
      host: proxy.hostname,
      port: proxy.port,
      type: 5,
      ...(proxy.credentials === undefined ? {} : { userId, password }),
    },
    timeout: Math.min(timeoutMs, maxTimerMs),
  });
  let open = false;
  client.once("established", () => (open = true));
  const refused = new Promise<never>((_, reject) => {
    client.once("error", (error) => {
      // It holds the options, and so the password.
      Reflect.deleteProperty(error, "options");
      reject(new Error(`refused the tunnel: ${messageOf(error)}`, { cause: error }));
    });
  });
  client.connect(wire);
  const answered = readAnswer(socket, (chunk) => {
    for (let i = 0; i < chunk.byteLength; i++) {
      wire.emit("data", chunk.subarray(i, i + 1));
      if (open) return chunk.subarray(i + 1);
    }
    return undefined;
  });
  try {
    await Promise.race([answered, refused]);
  } finally {
    wire.destroy();
  }
}
