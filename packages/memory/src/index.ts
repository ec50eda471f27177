export { memory } from "./memory.ts";
export type { MemoryOptions } from "./options.ts";
export type { MemoryHandler, MemoryRequest, MemoryResponse } from "./handler.ts";
