import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The part of a package.json that the checks read. */
export interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly type?: string;
  readonly license?: string;
  readonly description?: string;
  readonly sideEffects?: boolean;
  readonly files?: readonly string[];
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly engines?: Readonly<Record<string, string>>;
  readonly repository?: { readonly directory?: string };
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** One package of the workspace; `dir` is relative to the root, as `packages/pool`. */
export interface Member {
  readonly dir: string;
  readonly manifest: Manifest;
}

export interface Import {
  readonly file: string;
  readonly specifier: string;
}

export const root: string = dirname(import.meta.dirname);

/** Every member that has a package.json, in the order of the alphabet. */
export function members(): readonly Member[] {
  return globSync(["packages/*", "apps/*", "bench", "examples", "interop"], { cwd: root })
    .sort()
    .filter((dir) => existsSync(join(root, dir, "package.json")))
    .map((dir) => ({ dir, manifest: readJson(join(dir, "package.json")) as Manifest }));
}

/** Members that go to the registry. */
export function publishable(): readonly Member[] {
  return members().filter(({ manifest }) => manifest.private !== true);
}

export function readText(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function readJson(path: string): unknown {
  return JSON.parse(readText(path));
}

/** TypeScript files below `dir`, or in it where it has no folders of its own; relative to the root. */
export function sources(dir: string): readonly string[] {
  return globSync(`${dir}/**/*.ts`, { cwd: root, exclude: (path) => /(^|\/)(node_modules|dist)$/.test(path) }).sort();
}

/** What a file imports or exports from elsewhere, statically or not; comments do not count. */
export function importsOf(file: string): readonly Import[] {
  const code = readText(file)
    .replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, "")
    .replaceAll(/^\s*\/\/.*$/gm, "");
  const patterns = [
    /^\s*(?:import|export)\b[^;"'`]*?\bfrom\s*"([^"]+)"/gm,
    /^\s*import\s+"([^"]+)"/gm,
    /\bimport\(\s*"([^"]+)"/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => ({ file, specifier: match[1]! })));
}

/** `@scope/name/sub/path` → `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** Neither a file of the same package nor of Node. */
export function isForeign(specifier: string): boolean {
  return !specifier.startsWith(".") && !specifier.startsWith("node:");
}
