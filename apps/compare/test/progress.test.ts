import { afterEach, describe, expect, it, vi } from "vitest";
import { progress, progressLine, type Terminal } from "../src/progress.ts";

/** Keeps what a stream would show. */
function recorder(isTTY: boolean): Terminal & { readonly written: string[] } {
  const written: string[] = [];
  const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0;
  return { written, write, clearLine: () => write("<clear>"), cursorTo: () => write("<home>"), columns: 40, isTTY };
}

const step = { stage: "plain, round 1 of 4", title: "HTTP/1.1 keep-alive", total: 500, done: () => 250 };

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("progress on a terminal", () => {
  it("is one line that fits and leaves no trace", () => {
    vi.stubEnv("TERM", "xterm");
    const terminal = recorder(true);
    const live = progress(terminal);
    live.begin(step);
    live.end();
    expect(terminal.written).toEqual([
      ...["<home>", "<clear>"],
      progressLine(step, 0).slice(0, 39),
      ...["<home>", "<clear>"],
    ]);
  });

  it("shows how far the step is and how fast", () => {
    expect(progressLine(step, 125)).toBe(
      "plain, round 1 of 4, HTTP/1.1 keep-alive  ██████████░░░░░░░░░░  250 of 500  2,000/s",
    );
  });
});

describe("progress elsewhere", () => {
  it("moves no cursor on a terminal that cannot", () => {
    vi.stubEnv("TERM", "dumb");
    const terminal = recorder(true);
    progress(terminal).begin(step);
    expect(terminal.written).toEqual(["plain, round 1 of 4\n"]);
  });

  it("is one plain line for each stage", () => {
    const file = recorder(false);
    const plain = progress(file);
    for (const title of ["HTTP/1.1 no reuse", "HTTP/1.1 keep-alive"]) {
      plain.begin({ ...step, title });
      plain.end();
    }
    plain.begin({ ...step, stage: "plain, round 2 of 4" });
    plain.end();
    expect(file.written).toEqual(["plain, round 1 of 4\n", "plain, round 2 of 4\n"]);
  });
});
