import type { Driver } from "@holdfast/pool";
import type { Capabilities } from "@holdfast/transport";
import type { ParsedWebSocketOptions } from "./options.ts";

/** What exchanges become on a socket, for servers that do not speak `holdfast.mux.v1`. */
export interface Codec {
  readonly capabilities: Capabilities;
  driver(options: ParsedWebSocketOptions): Driver;
}
