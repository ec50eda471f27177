/** Exchanges over WebSocket beside those over HTTP/1.1, and beside the least that ws can do, in one run. */
import { bench } from "@holdfast/bench";

await bench({ clients: new URL("clients.ts", import.meta.url), origin: new URL("origin.ts", import.meta.url) });
