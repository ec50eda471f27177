#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { argv, cwd, stderr, stdout } from "node:process";
import type { Case } from "../case.ts";
import { allCases } from "../cases/all-cases.ts";
import { runCases } from "../run-cases.ts";
import { AdapterError, loadAdapter } from "./adapter.ts";
import { renderBadge } from "./badge.ts";
import { type Command, parseCommand, usage, UsageError } from "./command.ts";
import { toJson } from "./json.ts";
import { falseClaims, type Outcome, type VenueResult } from "./outcome.ts";
import { renderReport } from "./report.ts";
import { messageOf, sentence } from "./sentence.ts";
import { findVenues } from "./venues.ts";

/** Runs the command and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const command = parseCommand(args);
    if (command === undefined) {
      stdout.write(usage);
      return 0;
    }
    const outcome = await run(command);
    stdout.write(renderReport(outcome));
    if (command.jsonFile !== undefined)
      writeFileSync(command.jsonFile, `${JSON.stringify(toJson(outcome), undefined, 2)}\n`);
    if (command.badgeFile !== undefined) writeFileSync(command.badgeFile, renderBadge(outcome));
    return outcome.results.some(({ status }) => status === "failed") ? 1 : 0;
  } catch (error) {
    if (error instanceof UsageError) {
      stderr.write(`${sentence(error.message)}\nTry --help.\n`);
      return 2;
    }
    stderr.write(`${error instanceof AdapterError ? error.message : sentence(messageOf(error))}\n`);
    return 1;
  }
}

async function run({ module, only, repeat, limitMs }: Command): Promise<Outcome> {
  const cases = chosen(only);
  const adapter = await loadAdapter(module, cwd(), limitMs);
  const found = await findVenues(adapter, limitMs);
  if (found.venues.length === 0) {
    throw new AdapterError(`${adapter.name} reaches none of the kit's origins: ${found.reasons.join(" ")}`);
  }
  const results: VenueResult[] = [];
  for (const { name, fixture } of found.venues) {
    for (let time = 1; time <= repeat; time++) {
      const venue = repeat === 1 ? name : `${name}, time ${time}`;
      for (const result of await runCases(cases, fixture, { maxCaseMs: limitMs })) results.push({ ...result, venue });
    }
  }
  await found.close();
  const claims = falseClaims(cases, results, adapter.capabilities);
  return { adapter, results, unreached: found.reasons, falseClaims: claims };
}

function chosen(only: readonly string[]): readonly Case[] {
  if (only.length === 0) return allCases;
  const cases = allCases.filter(({ id }) => only.some((wanted) => id === wanted || id.startsWith(wanted)));
  if (cases.length === 0) throw new UsageError(`No case has an id that begins with ${only.join(" or ")}.`);
  return cases;
}

process.on("uncaughtException", (error) => {
  stderr.write(`The adapter threw where nobody could catch it: ${sentence(messageOf(error))}\n`);
  process.exit(1);
});
const code = await main(argv.slice(2));
// An adapter that left something open has failed already, and shall not keep the process.
stdout.write("", () => process.exit(code));
