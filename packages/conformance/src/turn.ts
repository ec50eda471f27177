import { setImmediate } from "node:timers/promises";
import { waitsFor } from "./waiting.ts";

/** One turn of the event loop: what was ready has run. */
export async function turn(): Promise<void> {
  await setImmediate();
}

const maxTurns = 20_000;

/** Turns until `reached()`, and fails after very many: for a state that nobody announces. */
export async function until(what: string, reached: () => boolean): Promise<void> {
  waitsFor(what);
  for (let turns = 0; !reached(); turns++) {
    if (turns === maxTurns) {
      // The transport of the case is closed next, and that may never end.
      waitsFor(`${what}, which it was not after ${maxTurns} turns of the event loop`);
      throw new Error(`${what}: not after ${maxTurns} turns of the event loop`);
    }
    await turn();
  }
}

/** Turns until `value()` has stayed the same for long: both ends run in this process, so nothing is under way then. */
export async function steady(value: () => number): Promise<number> {
  let last = value();
  for (let same = 0; same < 300; same++) {
    await turn();
    if (value() === last) continue;
    last = value();
    same = 0;
  }
  return last;
}
