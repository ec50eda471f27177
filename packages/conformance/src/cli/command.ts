import { parseArgs } from "node:util";

export const usage: string = `holdfast-conformance MODULE[#export] [options]
holdfast-conformance --fixture FILE [options]

Runs the suite that every Holdfast adapter must pass against origins of its own, and prints what was wrong.
MODULE is ./adapter.js or the name of a package; its only exported function, or the one behind #, makes transports.
It has origins of HTTP/1.1, HTTP/2 and WebSocket. An adapter of another protocol brings its own: FILE exports
\`fixtures\`, an object of functions by name, each of which makes a Fixture.

  --fixture FILE  run the suite with each fixture that FILE exports, instead of MODULE
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
  /** Either this or `fixture`. */
  readonly module: string | undefined;
  readonly fixture: string | undefined;
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
  const { fixture } = values;
  if (others.length > 0 || (module === undefined) === (fixture === undefined))
    throw new UsageError("Name one module, or a file of fixtures by --fixture.");
  return {
    module,
    fixture,
    only: values.only ?? [],
    repeat: wholeNumber("--repeat", values.repeat),
    limitMs: wholeNumber("--limit", values.limit),
    jsonFile: values.json,
    badgeFile: values.badge,
  };
}

function parsed(args: readonly string[]): {
  values: {
    help?: boolean;
    fixture?: string;
    only?: string[];
    repeat: string;
    limit: string;
    json?: string;
    badge?: string;
  };
  positionals: string[];
} {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: "boolean" },
        fixture: { type: "string" },
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
