/** Something that a signal ends. */
export interface Abortable {
  abort(reason: unknown): void;
}

interface Entry {
  readonly targets: Set<Abortable>;
  readonly listener: () => void;
}

/** One listener for each signal, however many exchanges share it: a signal of a whole service may cover thousands. */
const entries = new WeakMap<AbortSignal, Entry>();

/** Ends `target` when `signal` fires, until {@link forget}. The caller has looked at `signal.aborted` before. */
export function heed(signal: AbortSignal, target: Abortable): void {
  const known = entries.get(signal);
  if (known !== undefined) {
    known.targets.add(target);
    return;
  }
  const targets = new Set([target]);
  const listener = (): void => {
    entries.delete(signal);
    for (const one of targets) one.abort(signal.reason);
  };
  entries.set(signal, { targets, listener });
  signal.addEventListener("abort", listener, { once: true });
}

export function forget(signal: AbortSignal, target: Abortable): void {
  const entry = entries.get(signal);
  if (entry === undefined || !entry.targets.delete(target) || entry.targets.size > 0) return;
  entries.delete(signal);
  signal.removeEventListener("abort", entry.listener);
}
