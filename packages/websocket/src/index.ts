export type { WebSocketOptions } from "./options.ts";
export { websocket } from "./websocket.ts";
