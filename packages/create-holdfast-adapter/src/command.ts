import { parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | { readonly kind: "create"; readonly folder: string; readonly packageName: string | undefined };

export const usage: string = `Usage: pnpm create holdfast-adapter FOLDER [--name PACKAGE]
       npm create holdfast-adapter FOLDER [-- --name PACKAGE]

Writes a Holdfast adapter that works into FOLDER: sources to change, an origin for its tests, and the conformance kit.
The last part of FOLDER is the adapter's name; json-lines gives the factory jsonLines().

  --name PACKAGE  the name of the package (default: holdfast-adapter- and the adapter's name)
  --version
  --help
`;

/**
 * What a command line asks for.
 *
 * @throws UsageError
 */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { kind: "help" };
  if (values.version === true) return { kind: "version" };
  const [folder, ...others] = positionals;
  if (folder === undefined || folder === "") throw new UsageError("Say which folder to write, as in: my-adapter.");
  if (others.length > 0) throw new UsageError(`One folder at a time; ${JSON.stringify(others[0])} is one more.`);
  return { kind: "create", folder, packageName: values.name };
}

function parse(args: readonly string[]): {
  readonly values: { readonly name?: string; readonly help?: boolean; readonly version?: boolean };
  readonly positionals: readonly string[];
} {
  try {
    return parseArgs({
      args: [...args],
      options: { name: { type: "string" }, help: { type: "boolean", short: "h" }, version: { type: "boolean" } },
      allowPositionals: true,
    });
  } catch (error) {
    // Its first sentence says what is wrong, what follows how to escape it.
    const [what] = (error as Error).message.split(/\.(?:\s|$)/);
    throw new UsageError(`${what}.`);
  }
}
