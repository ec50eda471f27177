import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { manifestOf } from "./manifest.ts";
import type { Names } from "./names.ts";
import { checkFree, rename } from "./rename.ts";
import { UsageError } from "./usage-error.ts";

/** Path, with slashes, and text of each file. */
export type Files = ReadonlyMap<string, string>;

/**
 * The files of an adapter, made from those of the template. Those that tools would heed where the template lies have
 * an underscore before their name there.
 *
 * @throws UsageError for a name that the template needs itself.
 */
export function projectOf(template: Files, names: Names, version: string): Files {
  checkFree(
    [...template].flatMap(([path, text]) => (path.endsWith(".ts") ? [text] : [])),
    names,
  );
  const files = new Map<string, string>();
  for (const [path, text] of template) {
    const target = rename(path, names)
      .replace(/(?<=^|\/)_git/, ".git")
      .replace(/(?<=^|\/)_/, "");
    if (files.has(target))
      throw new UsageError(`The name ${names.protocol} is taken: there is a file ${target}; take another.`);
    files.set(target, target === "package.json" ? manifestOf(text, names, version) : rename(text, names));
  }
  return files;
}

/** Every file below a folder. */
export function readFiles(folder: string): Files {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries
      .map(({ parentPath, name }) => join(parentPath, name))
      .map((path) => [relative(folder, path).split(sep).join("/"), readFileSync(path, "utf8")] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/**
 * Writes the files into a folder that is not there, or is empty.
 *
 * @throws UsageError if it is not, or cannot be written.
 */
export function writeFiles(folder: string, files: Files): void {
  checkEmpty(folder);
  try {
    for (const [path, text] of files) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { flag: "wx" });
    }
  } catch (error) {
    throw new UsageError(`The folder ${folder} cannot be written (${codeOf(error)}).`, { cause: error });
  }
}

function checkEmpty(folder: string): void {
  const stats = statSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) throw new UsageError(`${folder} is a file, not a folder.`);
  // A repository that was just made is empty.
  const [first] = readdirSync(folder).filter((name) => name !== ".git");
  if (first !== undefined) throw new UsageError(`The folder ${folder} is not empty; it has ${first}.`);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "unknown reason";
}
