export { jsonl } from "./jsonl.ts";
export type { JsonlLimits, JsonlOptions } from "./options.ts";
