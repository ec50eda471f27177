/** Our adapter beside its engine and its peers, in one run. */
import { bench } from "@holdfast/bench";

const note =
  "One origin of node:http2 over TLS, which answers 200 bytes. Each client as it comes, over one session at a time, but got, " +
  "which opens several; Holdfast renews its own after 10 000 exchanges (maxExchanges). grpc-js and connect-node do more than a " +
  "GET: they send a body, build and decode protobuf messages (both by @bufbuild/protobuf), and grpc-js frames them and reads " +
  "trailers.";
await bench({ clients: new URL("clients.ts", import.meta.url), origin: new URL("origin.ts", import.meta.url), note });
