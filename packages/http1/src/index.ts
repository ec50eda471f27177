export { http1 } from "./http1.ts";
export type { Http1Options } from "./options.ts";
