import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Fixture } from "../case.ts";
import { type Adapter, AdapterError } from "./adapter.ts";
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
    try {
      venues.push({ name, fixture: await within(Promise.resolve(make()), limitMs, late) });
    } catch (error) {
      throw new AdapterError(`${file}: fixtures[${JSON.stringify(name)}] failed: ${sentence(messageOf(error))}`);
    }
  }
  const [first] = venues;
  if (first === undefined) throw new AdapterError(`${file}: \`fixtures\` is empty.`);
  const transport = await first.fixture.createTransport();
  const { vendor } = transport["~holdfast"];
  const { protocol, capabilities } = transport;
  await transport.destroy();
  const close = async (): Promise<void> => {
    await Promise.all(venues.map(({ fixture }) => fixture.origin.close()));
  };
  return {
    adapter: { module: file, name: protocol, vendor, protocol, capabilities },
    found: { venues, reasons: [], close },
  };
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
