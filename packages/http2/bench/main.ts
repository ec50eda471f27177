/** Our adapter beside its engine and its peers, in one run. */
import { bench } from "@holdfast/bench";

await bench({ clients: new URL("clients.ts", import.meta.url), origin: new URL("origin.ts", import.meta.url) });
