/**
 * Who may import what, as far as turbo's tags cannot say it: the table of ARCHITECTURE.md by package, engines in one
 * place each, and the forms that the house does without. That no adapter imports another is said here and not by tags,
 * because benchmarks hold one against another.
 */
import { basename, dirname } from "node:path";
import { finish } from "./problems.ts";
import { importsOf, isForeign, members, packageOf, readText, sources } from "./workspace.ts";

/** Packages of this workspace and engines that `src` may import; other packages need only a decision record. */
const table: Readonly<Record<string, readonly string[]>> = {
  transport: [],
  pool: ["transport"],
  dial: ["transport"],
  memory: ["transport"],
  policies: ["transport"],
  selection: ["transport"],
  exchange: ["transport", "pool"],
  fetch: ["transport"],
  http1: ["transport", "pool", "dial", "undici"],
  http2: ["transport", "pool", "dial", "http2-wrapper"],
  websocket: ["transport", "pool", "dial", "exchange", "ws"],
  server: ["transport", "exchange", "srvx", "ws"],
  conformance: ["transport"],
  "create-holdfast-adapter": [],
};
const adapters = ["http1", "http2", "websocket"];
const engines = ["undici", "http2-wrapper", "ws", "srvx"];
const engineCodes = /["'`](?:UND_ERR_|WS_ERR_|ERR_HTTP2_|NGHTTP2_\w+_ERROR)/;
const vagueNames = /(?:^|\/)(?:utils?|helpers?|common|misc|lib)(?:\/|\.ts$)/;

const problems: string[] = [];
const all = members();
for (const { dir, manifest } of all) {
  const short = basename(dir);
  const isPackage = dir.startsWith("packages/");
  if (isPackage && !(short in table)) problems.push(`${dir}: not in the table of scripts/check-boundaries.ts`);
  for (const file of sources(dir)) {
    if (vagueNames.test(file)) problems.push(`${file}: name it after what it holds`);
    const inSource = file.startsWith(`${dir}/src/`);
    if (inSource && basename(file) === "index.ts" && dirname(file) !== `${dir}/src`)
      problems.push(`${file}: an inner barrel`);
    const text = readText(file);
    if (/^export \*/m.test(text)) problems.push(`${file}: export * hides what is exported; list the names`);
    if (isPackage && inSource && basename(file) !== "errors.ts" && engineCodes.test(text)) {
      problems.push(`${file}: reads an engine's error codes; only errors.ts may`);
    }
    for (const { specifier } of importsOf(file)) {
      if (!isForeign(specifier)) continue;
      const name = packageOf(specifier);
      const sibling = name.startsWith("@holdfast/") ? name.slice("@holdfast/".length) : undefined;
      const known = sibling ?? (engines.includes(name) ? name : undefined);
      if (name === manifest.name) {
        if (inSource) problems.push(`${file}: imports its own package by name`);
      } else if (isPackage && inSource) {
        if (known !== undefined && !table[short]?.includes(known))
          problems.push(`${file}: ${short} may not import ${name}`);
      } else if (
        isPackage &&
        sibling !== undefined &&
        adapters.includes(sibling) &&
        !file.startsWith(`${dir}/bench/`)
      ) {
        problems.push(`${file}: no package but apps imports the adapter ${name}`);
      }
      if (sibling !== undefined && !isExported(name, specifier))
        problems.push(`${file}: ${specifier} is not an export of ${name}`);
    }
  }
}

function isExported(name: string, specifier: string): boolean {
  const exports = all.find(({ manifest }) => manifest.name === name)?.manifest.exports;
  return exports !== undefined && `.${specifier.slice(name.length)}` in exports;
}

finish("boundaries: who imports what, engines in one file, names", problems);
