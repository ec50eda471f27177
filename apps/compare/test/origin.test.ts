import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { get as getTls } from "node:https";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { startOrigin } from "../src/origin.ts";

// Each test starts processes, and the machine may be slow.
vi.setConfig({ testTimeout: 60_000 });

describe("the local origin", () => {
  it("serves the same handler in plain and over TLS, with a certificate that verifies", async () => {
    const origin = await startOrigin();
    try {
      const received = { bytes: 0, sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" };
      const expected = { from: "holdfast-compare", method: "GET", path: "/", received };
      const [plain] = await once(get(origin.plainUrl, { agent: false }), "response");
      expect(await json(plain as NodeJS.ReadableStream)).toEqual(expected);
      const [secure] = await once(getTls(origin.tlsUrl, { agent: false, ca: origin.certificate }), "response");
      expect(await json(secure as NodeJS.ReadableStream)).toEqual(expected);
    } finally {
      await origin.close();
    }
    const [error] = await once(get(origin.plainUrl, { agent: false }), "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  it("ends by itself when the process that started it is killed", async () => {
    const parent = fileURLToPath(new URL("start-origin.ts", import.meta.url));
    const child = spawn(process.execPath, ["--conditions=holdfast:source", parent], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.resume();
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    // The origin holds the other end of stderr, so that end is its own.
    await once(child, "close");
    expect(child.signalCode).toBe("SIGKILL");
  });
});
