import { http1 } from "@holdfast/http1";
import { http2 } from "@holdfast/http2";
import { memory } from "@holdfast/memory";
import type { Transport } from "@holdfast/transport";
import { websocket } from "@holdfast/websocket";
import type { MixedHandler } from "./mixed-handler.ts";
import { overMemory } from "./over-memory.ts";

/** No limit of ours shall tell a slow machine from a slow transport. */
const timeouts = { queueMs: 300_000, connectMs: 60_000, headMs: 300_000, bodyGapMs: 300_000 };

/** Transports that the mix runs over; all but the first by one server. */
export const contestants: Readonly<Record<string, (handler: MixedHandler) => Transport>> = {
  memory: ({ fetch }) => memory(overMemory(fetch), { timeouts }),
  http1: () => http1({ timeouts }),
  http2: () => http2({ timeouts }),
  websocket: () => websocket({ timeouts }),
};
