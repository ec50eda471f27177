import type { Names } from "./names.ts";
import { UsageError } from "./usage-error.ts";

/** The template is an adapter itself, of this name; its other names follow as in {@link Names}. */
const own = {
  packageName: /holdfast-adapter-jsonl/g,
  protocol: /(?<=["/])jsonl(?=["./])/g,
  type: /Jsonl/g,
  factory: /jsonl/g,
};

/** A text of the template, or the path of a file, with the names of another adapter in it. */
export function rename(text: string, { packageName, protocol, type, factory }: Names): string {
  return text
    .replaceAll(own.packageName, packageName)
    .replaceAll(own.protocol, protocol)
    .replaceAll(own.type, type)
    .replaceAll(own.factory, factory);
}

/** @throws UsageError if a name that would come into a source is there already, with another meaning. */
export function checkFree(sources: readonly string[], names: Names): void {
  const words = new Set(sources.flatMap((source) => withoutComments(source).match(/[\w$]+/g) ?? []));
  for (const word of words) {
    const renamed = rename(word, names);
    if (renamed !== word && words.has(renamed)) {
      throw new UsageError(`The name ${names.protocol} is taken: the sources have a ${renamed} already; take another.`);
    }
  }
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}
