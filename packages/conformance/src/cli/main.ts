#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { argv, cwd, stderr, stdout } from "node:process";
import type { Case } from "../case.ts";
import { allCases } from "../cases/all-cases.ts";
import { type CaseResult, runCases } from "../run-cases.ts";
import { type Adapter, AdapterError, loadAdapter } from "./adapter.ts";
import { renderBadge } from "./badge.ts";
import { type Command, parseCommand, usage, UsageError } from "./command.ts";
import { toJson } from "./json.ts";
import { loadFixtures } from "./fixtures.ts";
import { judgeClaims, type Outcome, type VenueResult } from "./outcome.ts";
import { endLines, GroupReport, headLines } from "./report.ts";
import { messageOf, sentence } from "./sentence.ts";
import { unshown } from "../unshown.ts";
import { findVenues, type Venues } from "./venues.ts";

/** Runs the command and returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const command = parseCommand(args);
    if (command === undefined) {
      stdout.write(usage);
      return 0;
    }
    const { outcome, close } = await run(command);
    if (command.jsonFile !== undefined)
      writeFileSync(command.jsonFile, `${JSON.stringify(toJson(outcome), undefined, 2)}\n`);
    if (command.badgeFile !== undefined) writeFileSync(command.badgeFile, renderBadge(outcome));
    await close();
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

/** Prints while it runs, so that a hang shows where. The caller closes the origins. */
async function run(command: Command): Promise<{ readonly outcome: Outcome; close(): Promise<void> }> {
  const { only, repeat, limitMs } = command;
  const cases = chosen(only);
  const { adapter, found } = await tried(command);
  print(headLines(adapter, found.reasons));
  const results: VenueResult[] = [];
  const groups = new GroupReport(print);
  for (const { name, fixture } of found.venues) {
    for (let time = 1; time <= repeat; time++) {
      const venue = repeat === 1 ? name : `${name}, time ${time}`;
      print(["", venue]);
      const onResult = (result: CaseResult): void => {
        results.push({ ...result, venue });
        groups.add({ ...result, venue });
      };
      await runCases(cases, fixture, { maxCaseMs: limitMs, onResult });
      groups.end();
    }
  }
  const little = found.venues.flatMap(({ name, fixture }) => {
    const why = unshown(fixture);
    return why === undefined ? [] : [`${name}: ${why}`];
  });
  const claims = judgeClaims(cases, results, adapter.capabilities);
  const outcome = { adapter, results, unreached: found.reasons, ...claims, unshown: little };
  print(["", ...groups.leakLines(), ...endLines(outcome)]);
  return { outcome, close: found.close };
}

function print(lines: readonly string[]): void {
  stdout.write(`${lines.join("\n")}\n`);
}

async function tried({ module, fixture, limitMs }: Command): Promise<{ adapter: Adapter; found: Venues }> {
  if (fixture !== undefined) return loadFixtures(fixture, cwd(), limitMs);
  const adapter = await loadAdapter(module ?? "", cwd(), limitMs);
  const found = await findVenues(adapter, limitMs);
  if (found.venues.length > 0) return { adapter, found };
  throw new AdapterError(`${adapter.name} reaches none of the kit's origins: ${found.reasons.join(" ")}`);
}

function chosen(only: readonly string[]): readonly Case[] {
  if (only.length === 0) return allCases;
  const cases = allCases.filter(({ id }) => only.some((wanted) => id === wanted || id.startsWith(wanted)));
  if (cases.length === 0) throw new UsageError(`No case has an id that begins with ${only.join(" or ")}.`);
  return cases;
}

let ended = false;
process.on("uncaughtException", (error) => {
  ended = true;
  stderr.write(`The adapter threw where nobody could catch it: ${sentence(messageOf(error))}\n`);
  process.exit(1);
});
process.on("exit", () => {
  if (ended) return;
  process.exitCode = 1;
  stderr.write(
    "The process ended before the run did: the adapter ended it, or left nothing that could be waited for.\n",
  );
});
const code = await main(argv.slice(2));
ended = true;
// An adapter that left something open has failed already, and shall not keep the process.
stdout.write("", () => process.exit(code));
