import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Capabilities, isTransport, type Transport } from "@holdfast/transport";
import { messageOf, sentence } from "./sentence.ts";
import { within } from "./within.ts";

/** An adapter under test. */
export interface Adapter {
  /** As it was given. */
  readonly module: string;
  /** Of its factory. */
  readonly name: string;
  readonly vendor: string;
  readonly protocol: string;
  readonly capabilities: Capabilities;
}

/** One that was loaded as a module. */
export interface LoadedAdapter extends Adapter {
  /** What the factory returns is checked by the cases, as are the options that it refuses. */
  create(options: object): Transport;
}

/** A module that is no adapter. The message is one sentence for whoever wrote it. */
export class AdapterError extends Error {}

/**
 * Loads an adapter: `./file.js` or the name of a package, and after `#` which of its exports is the factory, if it exports
 * several functions. A transport is made and closed once, without anything being sent.
 *
 * @throws AdapterError
 */
export async function loadAdapter(module: string, directory: string, limitMs: number): Promise<LoadedAdapter> {
  const [, path = "", wanted] = /^([^#]*)(?:#(.*))?$/s.exec(module) ?? [];
  const exported = await importModule(module, path, directory, limitMs);
  const [name, factory] = chooseFactory(module, path, exported, wanted);
  const sample = sampleOf(name, factory);
  const { vendor } = sample["~holdfast"];
  const { protocol, capabilities } = sample;
  await endUnused(name, sample, limitMs);
  return { module, name, vendor, protocol, capabilities, create: (options) => factory(options) as Transport };
}

type Factory = (options: object) => unknown;

async function importModule(module: string, path: string, directory: string, limitMs: number): Promise<object> {
  const late = (): Error => new AdapterError(`${module} did not load within ${limitMs} ms (--limit).`);
  try {
    const file =
      path.startsWith(".") || isAbsolute(path)
        ? resolve(directory, path)
        : createRequire(join(directory, "package.json")).resolve(path);
    if (!existsSync(file)) throw new AdapterError(`${module}: there is no such file.`);
    return await within(import(pathToFileURL(file).href) as Promise<object>, limitMs, late);
  } catch (error) {
    if (error instanceof AdapterError) throw error;
    throw new AdapterError(`${module} could not be loaded: ${sentence(messageOf(error))}`);
  }
}

function chooseFactory(
  module: string,
  path: string,
  exported: object,
  wanted: string | undefined,
): readonly [name: string, factory: Factory] {
  if (wanted !== undefined) {
    const value: unknown = (exported as Readonly<Record<string, unknown>>)[wanted];
    if (typeof value === "function") return [wanted, value as Factory];
    throw new AdapterError(`${module}: it exports no function ${JSON.stringify(wanted)}.`);
  }
  // One function under two names, as `default` often is, counts once, by its own name. A class cannot be called.
  const functions = new Map<unknown, string>();
  for (const [name, value] of Object.entries(exported)) {
    if (typeof value !== "function" || /^class\b/.test(Function.prototype.toString.call(value))) continue;
    if (!functions.has(value) || name !== "default") functions.set(value, name);
  }
  const [only, ...others] = [...functions].map(([value, name]) => [name, value as Factory] as const);
  if (only === undefined)
    throw new AdapterError(`${module} exports no function; it has to export a factory that returns a transport.`);
  if (others.length === 0) return only;
  const names = [only, ...others].map(([name]) => name);
  throw new AdapterError(
    `${module} exports several functions (${names.join(", ")}); name its factory, as in ${path}#${only[0]}.`,
  );
}

function sampleOf(name: string, factory: Factory): Transport {
  let made: unknown;
  try {
    made = factory({});
    if (isTransport(made)) return made;
  } catch (error) {
    throw new AdapterError(`${name}({}) failed: ${sentence(messageOf(error))}`);
  }
  // What it made may be a promise that nobody else waits for.
  if (made instanceof Promise) {
    made.catch(() => undefined);
    throw new AdapterError(`${name}({}) returned a promise; a factory returns its transport at once.`);
  }
  throw new AdapterError(`${name}({}) returned something that is not a transport: "~holdfast" is missing.`);
}

/** Ends a transport that was not used. @throws AdapterError */
export async function endUnused(name: string, transport: Transport, limitMs: number): Promise<void> {
  for (const way of ["close", "destroy"] as const) {
    const what = `${way}() of an unused transport of ${name}`;
    const late = (): Error => new AdapterError(`${what} did not end within ${limitMs} ms (--limit).`);
    try {
      await within(transport[way](), limitMs, late);
    } catch (error) {
      if (error instanceof AdapterError) throw error;
      throw new AdapterError(`${what} failed: ${sentence(messageOf(error))}`);
    }
  }
}
