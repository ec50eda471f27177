import { AsyncLocalStorage } from "node:async_hooks";

const current = new AsyncLocalStorage<{ what: string }>();

/** Runs a case; `last()` tells what it waited for, so that one that hangs says where. */
export function withWaiting(run: () => Promise<void>): { readonly done: Promise<void>; readonly last: () => string } {
  const note = { what: "nothing that it gave a name" };
  return { done: current.run(note, run), last: () => note.what };
}

/** The case that runs waits for this from now on. */
export function waitsFor(what: string): void {
  const note = current.getStore();
  if (note !== undefined) note.what = what;
}
