export type { BenchOrigin } from "./processes.ts";
export { bench, type BenchClient, type BenchClients } from "./bench.ts";
export { transfers, type TransferClient, type TransferClients } from "./transfers.ts";
