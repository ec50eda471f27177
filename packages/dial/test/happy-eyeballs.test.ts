import { Socket } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { alternateFamilies, openTcp, raceTcp } from "../src/happy-eyeballs.ts";
import type { Address } from "../src/resolve.ts";
import { closedPort, rejection, tcpServer } from "./servers.ts";

const address = fc.record({ address: fc.string(), family: fc.constantFrom(4 as const, 6 as const) });

describe("the order of addresses", () => {
  it("takes turns between the families, the first one's first", () => {
    const six = (n: number): Address => ({ address: `::${n}`, family: 6 });
    const four = (n: number): Address => ({ address: `10.0.0.${n}`, family: 4 });
    expect(alternateFamilies([six(1), six(2), six(3), four(1)])).toEqual([six(1), four(1), six(2), six(3)]);
    expect(alternateFamilies([four(1), six(1), six(2)])).toEqual([four(1), six(1), six(2)]);
    expect(alternateFamilies([])).toEqual([]);
  });

  it("keeps every address once, and the order within a family", () => {
    fc.assert(
      fc.property(fc.array(address), (addresses) => {
        const ordered = alternateFamilies(addresses);
        expect(ordered).toHaveLength(addresses.length);
        for (const family of [4, 6]) {
          expect(ordered.filter((each) => each.family === family)).toEqual(
            addresses.filter((each) => each.family === family),
          );
        }
      }),
    );
  });

  it("never has two of one family in a row while the other has some left", () => {
    fc.assert(
      fc.property(fc.array(address), (addresses) => {
        const ordered = alternateFamilies(addresses);
        for (let i = 1; i < ordered.length; i++) {
          if (ordered[i]?.family !== ordered[i - 1]?.family) continue;
          const rest = ordered.slice(i);
          expect(rest.every(({ family }) => family === ordered[i]?.family)).toBe(true);
        }
      }),
    );
  });
});

describe("the race", () => {
  const four = (last: number): Address => ({ address: `127.0.0.${last}`, family: 4 });
  const race = (addresses: readonly Address[], port: number, signal = new AbortController().signal): Promise<Socket> =>
    raceTcp(addresses, (each) => openTcp(each, port), signal);

  it("goes to the next address at once when one refuses", async () => {
    await using server = await tcpServer();
    const socket = await race([four(2), four(1)], server.port);
    expect(socket.remoteAddress).toBe("127.0.0.1");
    socket.destroy();
  });

  it("leaves no listener on the winner but the one for late errors", async () => {
    await using server = await tcpServer();
    const socket = await race([four(1)], server.port);
    expect(socket.listenerCount("connect")).toBe(0);
    expect(socket.listenerCount("error")).toBe(1);
    socket.destroy();
  });

  it("names every address when all fail", async () => {
    const error = await rejection(race([four(1), four(2)], await closedPort()));
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.code).toBe("ECONNREFUSED");
    expect((error as AggregateError).errors).toHaveLength(2);
    expect(error.message).toContain("127.0.0.1");
    expect(error.message).toContain("127.0.0.2");
  });

  it("rejects with the system's error where there is one address", async () => {
    const error = await rejection(race([four(1)], await closedPort()));
    expect(error.code).toBe("ECONNREFUSED");
  });

  it("ends its attempts when it is aborted", async () => {
    await using server = await tcpServer();
    const abort = new AbortController();
    const racing = race([four(1)], server.port, abort.signal);
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await rejection(racing)).toBe(reason);
    await server.allClosed();
  });
});

describe("a race of silent addresses", () => {
  const addresses: readonly Address[] = [1, 2, 3].map((last) => ({ address: `192.0.2.${last}`, family: 4 }));
  const silent = (): { readonly attempts: Socket[]; readonly open: () => Socket } => {
    const attempts: Socket[] = [];
    return {
      attempts,
      open: () => {
        const attempt = new Socket();
        attempts.push(attempt);
        return attempt;
      },
    };
  };

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("starts an attempt each 250 ms and ends none of them", () => {
    const { attempts, open } = silent();
    const abort = new AbortController();
    raceTcp(addresses, open, abort.signal).catch(() => {});
    vi.advanceTimersByTime(249);
    expect(attempts).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(attempts).toHaveLength(2);
    vi.advanceTimersByTime(60_000);
    expect(attempts).toHaveLength(3);
    expect(attempts.map(({ destroyed }) => destroyed)).toEqual([false, false, false]);
    abort.abort();
    expect(attempts.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
  });

  it("is won by a slow first attempt, which ends the others and the timer", async () => {
    const { attempts, open } = silent();
    const race = raceTcp(addresses, open, new AbortController().signal);
    vi.advanceTimersByTime(300);
    attempts[0]?.emit("connect");
    expect(await race).toBe(attempts[0]);
    expect(attempts.map(({ destroyed }) => destroyed)).toEqual([false, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("waits for a slow attempt after all others have failed", async () => {
    const { attempts, open } = silent();
    const race = raceTcp(addresses, open, new AbortController().signal);
    vi.advanceTimersByTime(500);
    attempts[1]?.emit("error", new Error("refused"));
    attempts[2]?.emit("error", new Error("refused"));
    attempts[0]?.emit("connect");
    expect(await race).toBe(attempts[0]);
  });
});
