import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Abortable, forget, heed } from "../src/abort-hub.ts";

class Target implements Abortable {
  signalSlot = -1;
  readonly reasons: unknown[] = [];
  onAbort: () => void = () => {};

  abort(reason: unknown): void {
    this.reasons.push(reason);
    this.onAbort();
  }
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}

describe("the hub of abort signals", () => {
  it("ends every target of a signal with its reason", () => {
    const controller = new AbortController();
    const targets = [new Target(), new Target()];
    for (const target of targets) heed(controller.signal, target);
    controller.abort("enough");
    expect(targets.map((target) => target.reasons)).toEqual([["enough"], ["enough"]]);
  });

  it("puts one listener on a signal, however many share it, and none when all are done", () => {
    const { signal } = new AbortController();
    const targets = Array.from({ length: 1_000 }, () => new Target());
    for (const target of targets) heed(signal, target);
    expect(listeners(signal)).toBe(1);
    for (const target of targets) forget(signal, target);
    expect(listeners(signal)).toBe(0);
  });

  it("does not end what was forgotten, in whatever order", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 9 })), { maxLength: 40 }), (acts) => {
        const controller = new AbortController();
        const heeded: Target[] = [];
        const gone: Target[] = [];
        for (const [leave, at] of acts) {
          const [target] = leave ? heeded.splice(at % Math.max(1, heeded.length), 1) : [];
          if (target !== undefined) {
            forget(controller.signal, target);
            forget(controller.signal, target);
            gone.push(target);
          } else if (!leave) {
            const fresh = new Target();
            heed(controller.signal, fresh);
            heeded.push(fresh);
          }
        }
        controller.abort("now");
        expect(gone.flatMap((target) => target.reasons)).toEqual([]);
        expect(heeded.every((target) => target.reasons.length === 1)).toBe(true);
        expect(listeners(controller.signal)).toBe(0);
      }),
    );
  });

  it("does not end a target that another one forgot as it ended", () => {
    const controller = new AbortController();
    const [one, two] = [new Target(), new Target()];
    heed(controller.signal, one);
    heed(controller.signal, two);
    one.onAbort = () => forget(controller.signal, two);
    controller.abort();
    expect(two.reasons).toEqual([]);
  });

  it("lets targets forget the signal as it fires, as exchanges do", () => {
    const controller = new AbortController();
    const targets = Array.from({ length: 5 }, () => new Target());
    for (const target of targets) {
      target.onAbort = () => forget(controller.signal, target);
      heed(controller.signal, target);
    }
    controller.abort();
    expect(targets.every((target) => target.reasons.length === 1 && target.signalSlot === -1)).toBe(true);
  });
});
