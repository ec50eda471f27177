import type { WriteStream } from "node:tty";

/** A part of the run that takes a while. */
export interface Step {
  /** What several steps have in common: `plain, round 2 of 4`. */
  readonly stage: string;
  /** The transport under way. */
  readonly title: string;
  readonly total: number;
  /** How much of `total` is done; asked whenever the line is painted. */
  done(): number;
}

/** Tells on a stream how far the run is. One step at a time. */
export interface Progress {
  begin(step: Step): void;
  /** The step is over; its line gives way to the next. */
  end(): void;
}

/** The part of `process.stderr` that is used. */
export type Terminal = Pick<WriteStream, "write" | "clearLine" | "cursorTo" | "columns" | "isTTY">;

const paintEveryMs = 100;

/** On a terminal one live line that leaves no trace; elsewhere one plain line for each stage. */
export function progress(stream: Terminal): Progress {
  return stream.isTTY && process.env["TERM"] !== "dumb" ? liveProgress(stream) : plainProgress(stream);
}

/** `plain, round 2 of 4, HTTP/1.1 keep-alive  ████████░░░░  250 of 500  16,400/s` */
export function progressLine(step: Step, elapsedMs: number): string {
  const done = step.done();
  const filled = Math.floor((done / step.total) * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const rate = elapsedMs > 0 ? `  ${count(Math.round((done * 1_000) / elapsedMs))}/s` : "";
  return `${step.stage}, ${step.title}  ${bar}  ${count(done)} of ${count(step.total)}${rate}`;
}

const barWidth = 20;

function liveProgress(terminal: Terminal): Progress {
  let timer: NodeJS.Timeout | undefined;
  const erase = (): void => {
    terminal.cursorTo(0);
    terminal.clearLine(0);
  };
  return {
    begin: (step) => {
      const start = performance.now();
      const paint = (): void => {
        erase();
        terminal.write(progressLine(step, performance.now() - start).slice(0, (terminal.columns || 80) - 1));
      };
      paint();
      timer = setInterval(paint, paintEveryMs).unref();
    },
    end: () => {
      clearInterval(timer);
      erase();
    },
  };
}

function plainProgress(stream: Terminal): Progress {
  let last: string | undefined;
  return {
    begin: ({ stage }) => {
      if (stage !== last) stream.write(`${stage}\n`);
      last = stage;
    },
    end: () => undefined,
  };
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
