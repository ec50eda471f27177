/**
 * Distance: `delay-line.ts PORT DELAY` listens, sends its own port, and hands on what passes between its connections and
 * 127.0.0.1:PORT so many milliseconds late, each way.
 *
 * It holds all that is under way and never pauses a side: a line that did would be a window itself. What it holds is bounded
 * by what is measured.
 */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const [port = 0, delayMs = 0] = process.argv.slice(2).map(Number);

const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
  const far = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
  late(near, far);
  late(far, near);
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());

/** Timers of one length fire in the order in which they were set, so chunks keep theirs. */
function late(from: Socket, to: Socket): void {
  from.on("data", (chunk) => setTimeout(() => to.write(chunk), delayMs));
  from.on("end", () => setTimeout(() => to.end(), delayMs));
  from.on("error", () => setTimeout(() => to.destroy(), delayMs));
}
