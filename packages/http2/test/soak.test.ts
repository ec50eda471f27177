import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const mebibyte = 1024 * 1024;

interface Measured {
  readonly heap: { readonly atStart: number; readonly afterSequential: number; readonly afterConcurrent: number };
  readonly streams: { readonly atStart: number; readonly atEnd: number };
  readonly server: { readonly open: number; readonly sessions: number };
  readonly cancelled: number;
  readonly totals: Readonly<Record<string, number>>;
  readonly connections: Readonly<Record<string, number>>;
  readonly exchanges: Readonly<Record<string, number>>;
  readonly handles: readonly string[];
}

it(
  "100,000 requests over one session, one in a hundred cancelled within its body, leave no stream and no heap",
  { timeout: 240_000 },
  async () => {
    const origin = spawn(process.execPath, [fileOf("soak-origin.ts")], { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void origin.kill());
    const [port] = (await once(origin.stdout, "data")) as [Buffer];
    const client = spawn(
      process.execPath,
      ["--expose-gc", "--conditions=holdfast:source", fileOf("soak-process.ts"), `http://127.0.0.1:${Number(port)}/`],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    onTestFinished(() => void client.kill());
    const [output, [code]] = await Promise.all([text(client.stdout), once(client, "exit")]);
    expect(code).toBe(0);
    const { heap, streams, server, cancelled, totals, connections, exchanges, handles } = JSON.parse(
      output,
    ) as Measured;
    const figure = (bytes: number): string => `${(bytes / mebibyte).toFixed(2)} MiB`;
    console.log(
      `heap ${figure(heap.atStart)}, after 50,000 one by one ${figure(heap.afterSequential)}, after 50,000 by 64 workers ${figure(heap.afterConcurrent)}; ${cancelled} cancelled, streams in the client's heap ${streams.atStart} and ${streams.atEnd}, open at the server ${server.open}`,
    );
    expect(cancelled).toBeGreaterThanOrEqual(900);
    expect(totals).toMatchObject({
      connectionsOpened: 1,
      exchangesFailed: 0,
      exchangesReplayed: 0,
      responsesLeaked: 0,
    });
    expect(connections).toEqual({ connecting: 0, active: 0, idle: 1, draining: 0 });
    expect(exchanges).toEqual({ queued: 0, inFlight: 0 });
    // The other one asked node for the class of its streams.
    expect(server).toEqual({ open: 0, sessions: 2 });
    expect(streams.atEnd).toBeLessThanOrEqual(streams.atStart + 1);
    expect(heap.afterSequential - heap.atStart).toBeLessThan(2 * mebibyte);
    expect(heap.afterConcurrent - Math.min(heap.atStart, heap.afterSequential)).toBeLessThan(2 * mebibyte);
    expect(handles).toEqual([]);
  },
);
