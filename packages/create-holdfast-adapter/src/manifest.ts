import type { Names } from "./names.ts";

/** The part of the template's package.json that is not the same for all. */
interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The package.json of an adapter that stands on this `version` of Holdfast. */
export function manifestOf(template: string, { packageName, protocol, factory }: Names, version: string): string {
  const manifest = JSON.parse(template) as Manifest;
  const made = {
    ...manifest,
    name: packageName,
    // Read by tools that are given the package: which export is the factory, what it speaks, which contract it keeps.
    holdfast: { adapter: factory, protocol, contract: 1 },
    dependencies: ofVersion(manifest.dependencies, version),
    devDependencies: ofVersion(manifest.devDependencies, version),
  };
  return `${JSON.stringify(made, undefined, 2)}\n`;
}

function ofVersion(ranges: Readonly<Record<string, string>>, version: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ranges).map(([name, range]) => [name, name.startsWith("@holdfast/") ? `^${version}` : range]),
  );
}
