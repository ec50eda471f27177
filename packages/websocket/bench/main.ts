/** Exchanges over WebSocket beside those over HTTP/1.1, and beside the least that ws can do, in one run. */
import { bench } from "@holdfast/bench";

await bench({
  clients: new URL("clients.ts", import.meta.url),
  origin: new URL("origin.ts", import.meta.url),
  note: "One socket each, save HTTP/1.1. Calls by number, JSON and socket.io carry whatever fits a message; the others have a head, credit and cancellation for each stream.",
});
