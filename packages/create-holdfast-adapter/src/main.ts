#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseCommand, usage } from "./command.ts";
import { namesOf } from "./names.ts";
import { nextSteps } from "./next-steps.ts";
import { projectOf, readFiles, writeFiles } from "./project.ts";
import { UsageError } from "./usage-error.ts";

/** What the command prints. */
function run(args: readonly string[]): string {
  const command = parseCommand(args);
  if (command.kind === "help") return usage;
  if (command.kind === "version") return `${readVersion()}\n`;
  const { folder, packageName } = command;
  const names = namesOf(basename(resolve(folder)), packageName);
  const template = readFiles(fileURLToPath(new URL("../template", import.meta.url)));
  writeFiles(folder, projectOf(template, names, readVersion()));
  return nextSteps(folder, names, process.env["npm_config_user_agent"]);
}

function readVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

try {
  process.stdout.write(run(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
