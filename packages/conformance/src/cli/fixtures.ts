import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isTransport } from "@holdfast/transport";
import type { Fixture } from "../case.ts";
import { Control } from "../origin/control.ts";
import { type Adapter, AdapterError, endUnused } from "./adapter.ts";
import { messageOf, sentence } from "./sentence.ts";
import { within } from "./within.ts";
import type { Venue, Venues } from "./venues.ts";

type MakeFixture = () => Fixture | Promise<Fixture>;

/**
 * Makes the fixtures that a module exports as `fixtures`: names → functions that make one. The adapter's facts are read from
 * a transport of the first.
 *
 * @throws AdapterError
 */
export async function loadFixtures(
  file: string,
  directory: string,
  limitMs: number,
): Promise<{ readonly adapter: Adapter; readonly found: Venues }> {
  const named = await importFixtures(file, directory, limitMs);
  const venues: Venue[] = [];
  for (const [name, make] of Object.entries(named)) {
    const late = (): Error => new Error(`it was not made within ${limitMs} ms (--limit)`);
    const called = `${file}: fixtures[${JSON.stringify(name)}]`;
    let fixture: unknown;
    try {
      fixture = await within(Promise.resolve(make()), limitMs, late);
    } catch (error) {
      throw new AdapterError(`${called} failed: ${sentence(messageOf(error))}`);
    }
    const lack = lackOf(fixture);
    if (lack !== undefined) throw new AdapterError(`${called} made no Fixture: ${lack}.`);
    venues.push({ name, fixture: fixture as Fixture });
  }
  const [first] = venues;
  if (first === undefined) throw new AdapterError(`${file}: \`fixtures\` is empty.`);
  const { vendor, protocol, capabilities } = await factsOf(first, file, limitMs);
  const close = async (): Promise<void> => {
    const late = (): Error => new AdapterError(`${file}: the origins did not end within ${limitMs} ms (--limit).`);
    const ends = venues.map(({ fixture }) => fixture.origin.close());
    await within(Promise.all(ends), limitMs, late);
  };
  return {
    adapter: { module: file, name: protocol, vendor, protocol, capabilities },
    found: { venues, reasons: [], close },
  };
}

/** What a value lacks to be a fixture. */
function lackOf(value: unknown): string | undefined {
  const { createTransport, origin, traits } = Object(value) as Partial<Fixture>;
  if (typeof createTransport !== "function") return "createTransport is not a function";
  if (typeof origin?.url !== "string" || typeof origin.close !== "function" || !(origin.control instanceof Control))
    return "origin is not an Origin, which has a url, a control and close()";
  return typeof traits?.sockets === "boolean" ? undefined : "traits.sockets is not a boolean";
}

/** Of a transport that is made and closed once. */
async function factsOf(
  { name, fixture }: Venue,
  file: string,
  limitMs: number,
): Promise<Pick<Adapter, "vendor" | "protocol" | "capabilities">> {
  const called = `createTransport() of fixtures[${JSON.stringify(name)}]`;
  const late = (): Error => new Error(`it made no transport within ${limitMs} ms (--limit)`);
  let transport: unknown;
  try {
    transport = await within(Promise.resolve(fixture.createTransport()), limitMs, late);
    if (!isTransport(transport)) throw new Error('it made something that is not a transport: "~holdfast" is missing');
  } catch (error) {
    throw new AdapterError(`${file}: ${called} failed: ${sentence(messageOf(error))}`);
  }
  await endUnused(called, transport, limitMs);
  const { protocol, capabilities } = transport;
  return { vendor: transport["~holdfast"].vendor, protocol, capabilities };
}

async function importFixtures(
  file: string,
  directory: string,
  limitMs: number,
): Promise<Readonly<Record<string, MakeFixture>>> {
  const path = resolve(directory, file);
  if (!existsSync(path)) throw new AdapterError(`${file}: there is no such file.`);
  const late = (): Error => new Error(`it did not load within ${limitMs} ms (--limit)`);
  let fixtures: unknown;
  try {
    ({ fixtures } = await within(import(pathToFileURL(path).href) as Promise<{ fixtures?: unknown }>, limitMs, late));
  } catch (error) {
    throw new AdapterError(`${file} could not be loaded: ${sentence(messageOf(error))}`);
  }
  if (
    typeof fixtures !== "object" ||
    fixtures === null ||
    Object.values(fixtures).some((one) => typeof one !== "function")
  )
    throw new AdapterError(
      `${file} has to export \`fixtures\`: an object of functions, each of which makes a Fixture.`,
    );
  return fixtures as Readonly<Record<string, MakeFixture>>;
}
