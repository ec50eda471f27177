import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { turn } from "../turn.ts";

let collect: (() => void) | undefined;

/** What is on the heap once it was collected, and what that set free was collected too. */
export async function collectedHeapBytes(): Promise<number> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  for (let times = 0; times < 3; times++) {
    collect();
    await turn();
  }
  return process.memoryUsage().heapUsed;
}
