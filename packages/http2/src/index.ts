export { http2 } from "./http2.ts";
export type { Http2Options } from "./options.ts";
