import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isTransport, type Transport } from "@holdfast/transport";
import { messageOf, sentence } from "./sentence.ts";
import { type Entry, networkOptions, type TransportSettings } from "./transports.ts";
import { within } from "./within.ts";

/** An adapter that the user brought. */
export interface Adapter {
  readonly entry: Entry;
  /** As given to `--adapter`. */
  readonly module: string;
  /** Who made it, as its transports say. */
  readonly vendor: string;
}

/** An adapter that cannot join. The message is one sentence for the user. */
export class AdapterError extends Error {}

export interface LoadOptions {
  /** Where relative paths start and packages are looked for. */
  readonly directory: string;
  /** Limit on the module's evaluation, and on ending the transport that is made to look at. */
  readonly limitMs: number;
  /** Titles that others have. */
  readonly titles: ReadonlySet<string>;
}

type Factory = (options: ReturnType<typeof networkOptions>) => unknown;

/**
 * Loads an adapter: `./file.js` or the name of a package, and after `#` which of its exports is the factory, if it exports
 * several functions. A transport is made once to see that it is one; nothing is sent.
 *
 * @throws AdapterError
 */
export async function loadAdapter(module: string, options: LoadOptions): Promise<Adapter> {
  const { limitMs } = options;
  const [, path = "", wanted] = /^([^#]*)(?:#(.*))?$/s.exec(module) ?? [];
  const exported = await importModule(module, path, options);
  const [exportName, factory] = chooseFactory(module, path, exported, wanted);

  const create = (settings: TransportSettings): Transport => makeTransport(module, exportName, factory, settings);
  const sample = create({ concurrency: 1, timeoutMs: limitMs, ca: undefined, insecure: false });
  const { vendor, protocol } = sample["~holdfast"];
  if (!sample.capabilities.exchange) {
    throw new AdapterError(
      `The transport of --adapter ${module} carries no exchanges (capabilities.exchange is false).`,
    );
  }
  await end(module, sample, limitMs);

  const title = freeTitle(exportName === "default" ? nameOf(path) : exportName, options.titles);
  return { entry: { name: `adapter:${module}`, title, protocol, brought: true, create }, module, vendor };
}

async function importModule(module: string, path: string, { directory, limitMs }: LoadOptions): Promise<object> {
  const late = (): Error =>
    new AdapterError(`--adapter ${module} did not load within ${limitMs.toLocaleString("en-US")} ms (--timeout).`);
  try {
    const file = locate(path, directory);
    if (!existsSync(file)) throw new AdapterError(`--adapter ${module}: there is no such file.`);
    return await within(import(pathToFileURL(file).href) as Promise<object>, limitMs, late);
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw new AdapterError(`--adapter ${module} could not be loaded: ${sentence(messageOf(error))}`);
  }
}

/** Like a shell, a dot or a slash makes it a path. */
function locate(path: string, directory: string): string {
  if (path.startsWith(".") || isAbsolute(path)) return resolve(directory, path);
  return createRequire(join(directory, "package.json")).resolve(path);
}

function chooseFactory(
  module: string,
  path: string,
  exported: object,
  wanted: string | undefined,
): readonly [exportName: string, factory: Factory] {
  // One function under two names, as `default` often is, counts once, by its own name. A class cannot be called.
  const functions = new Map<unknown, string>();
  for (const [name, value] of Object.entries(exported)) {
    if (typeof value !== "function" || /^class\b/.test(Function.prototype.toString.call(value))) continue;
    if (!functions.has(value) || name !== "default") functions.set(value, name);
  }
  const candidates = [...functions].map(([value, name]) => [name, value as Factory] as const);
  if (wanted !== undefined) {
    const value: unknown = (exported as Readonly<Record<string, unknown>>)[wanted];
    if (typeof value !== "function")
      throw new AdapterError(`--adapter ${module}: it exports no function ${JSON.stringify(wanted)}.`);
    return [wanted, value as Factory];
  }
  const [only] = candidates;
  if (only === undefined) {
    throw new AdapterError(
      `--adapter ${module} exports no function; it has to export a factory that returns a transport.`,
    );
  }
  if (candidates.length > 1) {
    const names = candidates.map(([name]) => name);
    throw new AdapterError(
      `--adapter ${module} exports several functions (${names.join(", ")}); name its factory, as in ${path}#${names[0]}.`,
    );
  }
  return only;
}

function makeTransport(module: string, exportName: string, factory: Factory, settings: TransportSettings): Transport {
  let made: unknown;
  try {
    made = factory(networkOptions(settings));
    if (isTransport(made)) return made;
  } catch (error) {
    throw new AdapterError(`${exportName}() of --adapter ${module} failed: ${sentence(messageOf(error))}`);
  }
  // What it made may be a promise that nobody else waits for.
  if (made instanceof Promise) made.catch(() => undefined);
  throw new AdapterError(`${exportName}() of --adapter ${module} returned something that is not a transport.`);
}

async function end(module: string, transport: Transport, limitMs: number): Promise<void> {
  const late = (): Error =>
    new AdapterError(`The transport of --adapter ${module} did not end within ${limitMs.toLocaleString("en-US")} ms.`);
  try {
    await within(transport.destroy(), limitMs, late);
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw new AdapterError(`destroy() of the transport of --adapter ${module} failed: ${sentence(messageOf(error))}`);
  }
}

/** `./lib/mine.js` is `mine`, `@scope/holdfast-adapter-mine` too. */
function nameOf(path: string): string {
  return basename(path, extname(path)).replace(/^holdfast-adapter-/, "");
}

const maxTitle = 20;

function freeTitle(wanted: string, taken: ReadonlySet<string>): string {
  const title = wanted.length > maxTitle ? `${wanted.slice(0, maxTitle - 1)}…` : wanted;
  if (!taken.has(title)) return title;
  for (let number = 2; ; number += 1) {
    const suffix = ` (${number})`;
    const numbered = `${wanted.slice(0, maxTitle - suffix.length)}${suffix}`;
    if (!taken.has(numbered)) return numbered;
  }
}
