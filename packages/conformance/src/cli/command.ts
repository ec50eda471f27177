import { parseArgs } from "node:util";

export const usage: string = `holdfast-conformance MODULE[#export] [options]

Runs the suite that every Holdfast adapter must pass against origins of its own, and prints what was wrong.
MODULE is ./adapter.js or the name of a package; its only exported function, or the one behind #, makes transports.

  --only ID       run only the cases whose id is ID or begins so; can be given several times
  --repeat N      run them N times, default 1
  --limit MS      for loading the module, for closing an unused transport, and for each case; default 30000
  --json FILE     write the results
  --badge FILE    write an SVG for a README
  --help          print this

It exits with 0 if all is well, with 1 if not, with 2 if it was not understood.
`;

/** Arguments that make no sense. The message is for the user. */
export class UsageError extends Error {}

/** What was asked for. */
export interface Command {
  readonly module: string;
  readonly only: readonly string[];
  readonly repeat: number;
  readonly limitMs: number;
  readonly jsonFile: string | undefined;
  readonly badgeFile: string | undefined;
}

/** @returns undefined for `--help`. @throws UsageError */
export function parseCommand(args: readonly string[]): Command | undefined {
  const { values, positionals } = parsed(args);
  if (values.help === true) return undefined;
  const [module, ...others] = positionals;
  if (module === undefined || others.length > 0) throw new UsageError("Name one module.");
  return {
    module,
    only: values.only ?? [],
    repeat: wholeNumber("--repeat", values.repeat),
    limitMs: wholeNumber("--limit", values.limit),
    jsonFile: values.json,
    badgeFile: values.badge,
  };
}

function parsed(args: readonly string[]): {
  values: { help?: boolean; only?: string[]; repeat: string; limit: string; json?: string; badge?: string };
  positionals: string[];
} {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean" },
        only: { type: "string", multiple: true },
        repeat: { type: "string", default: "1" },
        limit: { type: "string", default: "30000" },
        json: { type: "string" },
        badge: { type: "string" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new UsageError(`${option} takes a whole number from 1.`);
  return value;
}
