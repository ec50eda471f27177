/** Our adapter beside its engine and its peers, in one run: small GETs, or with `windows` one large body over a distance. */
import { bench, transfers } from "@holdfast/bench";

const origin = new URL("origin.ts", import.meta.url);
const args = process.argv.slice(2);
if (args.includes("windows")) {
  const note =
    "A download waits one round trip for each window of the client; a paused body holds up to its stream's window in memory. " +
    "An upload waits for the windows of the origin, here 16 MiB for all.";
  await transfers({
    // pnpm hands on the `--` too, after which nothing would be an option.
    args: args.filter((arg) => arg !== "windows" && arg !== "--"),
    clients: new URL("transfer-clients.ts", import.meta.url),
    origin,
    note,
  });
} else {
  const note =
    "One origin of node:http2 over TLS, which answers 200 bytes. Each client as it comes, over one session at a time, but got, " +
    "which opens several; Holdfast renews its own after 10 000 exchanges (maxExchanges). grpc-js and connect-node do more than a " +
    "GET: they send a body, build and decode protobuf messages (both by @bufbuild/protobuf), and grpc-js frames them and reads " +
    "trailers.";
  await bench({ clients: new URL("clients.ts", import.meta.url), origin, note });
}
