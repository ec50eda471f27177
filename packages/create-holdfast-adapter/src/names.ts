import { UsageError } from "./usage-error.ts";

/** What one adapter is called, in all places. */
export interface Names {
  /** Of the protocol, of its file and in the ids of connections: `json-lines`. */
  readonly protocol: string;
  /** Of the factory: `jsonLines`. */
  readonly factory: string;
  /** What the names of its types begin with: `JsonLines`. */
  readonly type: string;
  /** `holdfast-adapter-json-lines`, unless another was asked for. */
  readonly packageName: string;
}

const prefix = "holdfast-adapter-";
/** Of npm. */
const maxPackageName = 214;
/** Of the protocols and adapters of Holdfast itself. */
const ours: ReadonlySet<string> = new Set(["h2", "h3", "http", "http1", "http2", "memory", "websocket"]);
const reserved: ReadonlySet<string> = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false " +
    "finally for function if implements import in instanceof interface let new null package private protected public " +
    "return static super switch this throw true try typeof undefined var void while with yield"
  ).split(" "),
);

/**
 * The names that follow from the name of a folder.
 *
 * @throws UsageError for a name that makes no adapter or no package.
 */
export function namesOf(folderName: string, packageName?: string): Names {
  const protocol = folderName.startsWith(prefix) ? folderName.slice(prefix.length) : folderName;
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(protocol)) {
    throw new UsageError(
      `${JSON.stringify(folderName)} is no name for an adapter; take lower-case letters, digits and single dashes, a letter first.`,
    );
  }
  if (ours.has(protocol)) throw new UsageError(`The name ${protocol} is taken by Holdfast itself; take another.`);
  const factory = protocol.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  if (reserved.has(factory)) throw new UsageError(`The name ${factory} is a word of JavaScript; take another.`);
  return {
    protocol,
    factory,
    type: factory.charAt(0).toUpperCase() + factory.slice(1),
    packageName: checkPackageName(packageName ?? prefix + protocol),
  };
}

function checkPackageName(name: string): string {
  if (!/^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/.test(name) || name.length > maxPackageName) {
    throw new UsageError(`${JSON.stringify(name)} is no name for a package on npm.`);
  }
  if (name.startsWith("@holdfast/"))
    throw new UsageError(`The packages below @holdfast are Holdfast's own; take another name.`);
  return name;
}
