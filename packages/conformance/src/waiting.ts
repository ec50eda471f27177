import { AsyncLocalStorage } from "node:async_hooks";

/** What is waited for, or a function that says it when it is asked. */
type Wait = string | (() => string);

const unnamed = "nothing that it gave a name";

const current = new AsyncLocalStorage<{ what: Wait }>();

/** Runs a case; `last()` tells what it waited for, so that one that hangs says where. */
export function withWaiting(run: () => Promise<void>): { readonly done: Promise<void>; readonly last: () => string } {
  const note: { what: Wait } = { what: unnamed };
  const last = (): string => (typeof note.what === "string" ? note.what : note.what());
  return { done: current.run(note, run), last };
}

/** What the case that runs has been waiting for; undefined if it was nothing with a name. */
export function waited(): string | undefined {
  const what = current.getStore()?.what;
  const text = typeof what === "function" ? what() : what;
  return text === unnamed ? undefined : text;
}

/** The case that runs waits for this from now on. */
export function waitsFor(what: Wait): void {
  const note = current.getStore();
  if (note !== undefined) note.what = what;
}
