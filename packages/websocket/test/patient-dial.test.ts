import { EventEmitter } from "node:events";
import { parseTarget, TransportError } from "@holdfast/transport";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseBackoff } from "../src/backoff.ts";
import type { OpenedSocket } from "../src/open-socket.ts";
import { patientDial, type PatientDial, type UsedSocket } from "../src/patient-dial.ts";
import { Reconnects } from "../src/reconnects.ts";

const target = parseTarget("ws://a.example/");

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Dials that a test settles. */
class Dials {
  readonly reconnects: Reconnects = new Reconnects(parseBackoff(), () => 1);
  /** What each was given to do it in. */
  readonly limits: number[] = [];
  readonly settle: PromiseWithResolvers<OpenedSocket>[] = [];
  cancelled = 0;

  dial(timeoutMs = 10_000): PatientDial {
    return patientDial(target, timeoutMs, this.reconnects, (_, leftMs) => {
      const settle = Promise.withResolvers<OpenedSocket>();
      this.limits.push(leftMs);
      this.settle.push(settle);
      return {
        phase: "secure",
        opened: settle.promise,
        cancel: (reason) => {
          this.cancelled++;
          settle.reject(error("ABORTED", reason));
        },
      };
    });
  }

  /** One that succeeds at once, and the end of its socket. */
  async open(): Promise<{ readonly use: UsedSocket["use"]; readonly close: (code: number) => void }> {
    const dial = this.dial();
    await vi.advanceTimersByTimeAsync(30_000);
    const socket = new EventEmitter();
    this.settle.at(-1)?.resolve({ socket, dialled: {} } as unknown as OpenedSocket);
    const { use } = await dial.opened;
    return { use, close: (code) => void socket.emit("close", code) };
  }

  /** One that fails at once. */
  async fail(code: TransportError["code"] = "CONNECT_FAILED"): Promise<void> {
    const dial = this.dial();
    await vi.advanceTimersByTimeAsync(30_000);
    this.settle.at(-1)?.reject(error(code));
    await expect(dial.opened).rejects.toMatchObject({ code });
  }
}

function error(code: TransportError["code"], cause?: unknown): TransportError {
  return new TransportError(code, code, {
    delivery: "not-sent",
    phase: "connect",
    protocol: "websocket",
    origin: target.origin,
    cause,
  });
}

describe("a dial", () => {
  it("starts at once when none failed before", async () => {
    const dials = new Dials();
    const dial = dials.dial();
    await Promise.resolve();
    expect(dials.limits).toEqual([10_000]);
    expect(dial.phase).toBe("secure");
  });

  it("waits after a failure, longer after each, and has the rest of its time", async () => {
    const dials = new Dials();
    for (const waitMs of [100, 160, 256]) {
      await dials.fail();
      const before = dials.limits.length;
      const dial = dials.dial();
      expect(dial.phase).toBe("connect");
      await vi.advanceTimersByTimeAsync(waitMs - 1);
      expect(dials.limits).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(Math.round(dials.limits.at(-1) as number)).toBe(10_000 - waitMs);
      dial.cancel("enough");
      await expect(dial.opened).rejects.toMatchObject({ code: "ABORTED" });
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that would have to wait longer than it may is not started, and says what failed before", async () => {
    const dials = new Dials();
    await dials.fail("NEGOTIATION_FAILED");
    const dial = dials.dial(100);
    await Promise.all([
      expect(dial.opened).rejects.toMatchObject({
        code: "CONNECT_TIMEOUT",
        delivery: "not-sent",
        cause: { code: "NEGOTIATION_FAILED" },
      }),
      vi.advanceTimersByTimeAsync(100),
    ]);
    expect(dials.limits).toHaveLength(1);
  });

  it("that is given up while it waits dials nothing, and holds nothing", async () => {
    const dials = new Dials();
    await dials.fail();
    const dial = dials.dial();
    dial.cancel("enough");
    await expect(dial.opened).rejects.toMatchObject({ code: "ABORTED", cause: "enough" });
    expect(vi.getTimerCount()).toBe(0);
    expect(dials.limits).toHaveLength(1);
  });

  it("that is given up under way says nothing about the peer", async () => {
    const dials = new Dials();
    const dial = dials.dial();
    await Promise.resolve();
    dial.cancel("enough");
    await expect(dial.opened).rejects.toMatchObject({ code: "ABORTED" });
    expect(dials.cancelled).toBe(1);
    expect(dials.reconnects.waitMs(target.origin)).toBe(0);
  });

  it.each([
    ["is lost", 1_006, 9_999, 100],
    ["is lost after 10 s", 1_006, 10_000, 100],
    ["ends because the server goes away", 1_001, 0, 100],
    ["ends in good order", 1_000, 0, 0],
  ])("counts as a failure when its socket %s", async (_, code, stoodMs, waitMs) => {
    const dials = new Dials();
    const { close } = await dials.open();
    await vi.advanceTimersByTimeAsync(stoodMs);
    close(code);
    expect(dials.reconnects.waitMs(target.origin)).toBe(waitMs);
  });

  it.each([1_000, 1_001, 1_006, 1_012])(
    "starts at once after a socket that was closed with %i and has answered all, however short it stood",
    async (code) => {
      const dials = new Dials();
      for (let i = 0; i < 14; i++) {
        const { use, close } = await dials.open();
        use.answered();
        close(code);
        expect(dials.reconnects.waitMs(target.origin)).toBe(0);
      }
    },
  );

  it.each([1_000, 1_001, 1_006])(
    "waits as after one failure when a socket that has answered is closed with %i under exchanges, however often",
    async (code) => {
      const dials = new Dials();
      for (let i = 0; i < 14; i++) {
        const { use, close } = await dials.open();
        use.answered();
        close(code);
        use.interrupted();
        expect(dials.reconnects.waitMs(target.origin)).toBe(100);
      }
    },
  );

  it.each([1_000, 1_001, 1_006])(
    "waits longer after each socket that is closed with %i under exchanges and has answered none",
    async (code) => {
      const dials = new Dials();
      for (const waitMs of [100, 160, 256]) {
        const { use, close } = await dials.open();
        close(code);
        use.interrupted();
        expect(Math.round(dials.reconnects.waitMs(target.origin))).toBe(waitMs);
      }
    },
  );
});
