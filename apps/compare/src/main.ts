#!/usr/bin/env node
import { readFileSync, writeFileSync } from "node:fs";
import { styleText } from "node:util";
import { type Adapter, AdapterError, loadAdapter } from "./adapters.ts";
import { compareTarget, type Target, type TargetResult } from "./compare.ts";
import type { CountedOrigin } from "./count-heads.ts";
import { readEnvironment } from "./environment.ts";
import { renderHtml } from "./html.ts";
import { renderMarkdown } from "./markdown.ts";
import { type Command, parseCommand, type RunOptions, usage, UsageError } from "./options.ts";
import { startOrigin } from "./origin.ts";
import { type Comparison, exitCodes } from "./outcome.ts";
import { progress } from "./progress.ts";
import { type ReportJson, wasMeasured } from "./report-json.ts";
import { renderReport } from "./report.ts";
import { messageOf, sentence } from "./sentence.ts";
import { toJson } from "./to-json.ts";
import { entries, entriesFor } from "./transports.ts";

const badUsage = 2;
/** How long what was destroyed may take to be gone. */
const graceMs = 500;

/** Runs the command and returns the exit code. The process ends by itself, because nothing is left open. */
async function main(args: readonly string[]): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\nTry --help.\n`);
    return badUsage;
  }
  if (command.kind === "help") process.stdout.write(usage);
  else if (command.kind === "version") process.stdout.write(`${readVersion()}\n`);
  else return run(command.options);
  return 0;
}

async function run(options: RunOptions): Promise<number> {
  // Before Ctrl-C is ours: a module can take for ever.
  const adapters = await loadAdapters(options);
  const interrupt = new AbortController();
  // Once: a second Ctrl-C ends the process at once.
  process.once("SIGINT", () => interrupt.abort());
  const comparison = await compareAll(options, adapters, interrupt.signal);
  const json = toJson(comparison, readVersion());
  if (json.targets.some(wasMeasured)) process.stdout.write(options.markdown ? renderMarkdown(json) : paint(json));
  else process.stderr.write(paint(json));
  const written = [
    writeResult("--json", options.jsonFile, () => `${JSON.stringify(json, undefined, 2)}\n`),
    writeResult("--html", options.htmlFile, () => renderHtml(json)),
  ];
  if (adapters.length > 0) endWithoutThem();
  return written.every(Boolean) ? exitCodes[json.outcome] : exitCodes.failed;
}

function paint(json: ReportJson): string {
  return renderReport(json, (style, text) => styleText(style, text, { stream: process.stdout }));
}

async function loadAdapters({ adapters: modules, workload }: RunOptions): Promise<readonly Adapter[]> {
  const adapters: Adapter[] = [];
  for (const module of modules) {
    const titles = new Set([...entries, ...adapters.map(({ entry }) => entry)].map(({ title }) => title));
    adapters.push(await loadAdapter(module, { directory: process.cwd(), limitMs: workload.timeoutMs, titles }));
  }
  return adapters;
}

/** Ends the process if something that an adapter has left open keeps it alive. */
function endWithoutThem(): void {
  const end = (): void => {
    // Pipes and terminals are our own stdout and stderr.
    const kinds = process.getActiveResourcesInfo().filter((kind) => kind !== "PipeWrap" && kind !== "TTYWrap");
    const left = [...new Set(kinds)].join(", ");
    process.stderr.write(`An adapter has left something open (${left}); the process was ended all the same.\n`);
    process.exit(exitCodes.failed);
  };
  setTimeout(end, graceMs).unref();
}

async function compareAll(options: RunOptions, adapters: readonly Adapter[], signal: AbortSignal): Promise<Comparison> {
  const { url, workload, roundTripMs } = options;
  const startedAt = new Date().toISOString();
  const targets: TargetResult[] = [];
  const live = progress(process.stderr);
  const compare = async (target: Target, ca: string | undefined): Promise<void> => {
    if (signal.aborted) return;
    const settings = {
      concurrency: workload.concurrency,
      timeoutMs: workload.timeoutMs,
      ca,
      insecure: options.insecure,
    };
    const all = [...entriesFor(target.url), ...adapters.map(({ entry }) => entry)];
    targets.push(await compareTarget(target, { entries: all, workload, settings, progress: live, signal }));
  };
  if (url !== undefined) {
    await compare({ name: "url", url }, options.ca);
  } else {
    const origin = await startOrigin({ roundTripMs });
    try {
      const counted = (url: string): CountedOrigin => ({ url, take: origin.takeHeadCount });
      const { urls, countedUrls, certificate } = origin;
      await compare({ name: "plain", url: urls.plain, counted: counted(countedUrls.plain) }, undefined);
      await compare({ name: "tls", url: urls.tls, counted: counted(countedUrls.tls) }, certificate);
    } finally {
      await origin.close();
    }
  }
  return {
    startedAt,
    environment: readEnvironment(),
    workload,
    roundTripMs,
    adapters,
    targets,
    interrupted: signal.aborted,
  };
}

/** Writes a file that was asked for; false if that failed. */
function writeResult(option: string, file: string | undefined, text: () => string): boolean {
  if (file === undefined) return true;
  try {
    writeFileSync(file, text());
    return true;
  } catch (error) {
    process.stderr.write(
      `The file of ${option}, ${file}, cannot be written (${(error as NodeJS.ErrnoException).code ?? "unknown reason"}).\n`,
    );
    return false;
  }
}

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  return version;
}

// A reader such as `head` that has seen enough is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  const text = sentence(messageOf(error));
  process.stderr.write(`${error instanceof AdapterError ? text : `The comparison failed: ${text}`}\n`);
  return exitCodes.failed;
});
