/** Every package.json, tsconfig.json and turbo.json says what the sources beside it do. */
import { existsSync, globSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { finish } from "./problems.ts";
import {
  importsOf,
  isForeign,
  type Member,
  members,
  packageOf,
  readJson,
  readText,
  root,
  sources,
} from "./workspace.ts";

const problems: string[] = [];
const all = members();
const decisions = globSync("docs/decisions/*.md", { cwd: root }).map(readText).join("\n");

for (const member of all) {
  checkDependencies(member);
  if (!existsSync(join(root, member.dir, "turbo.json"))) problems.push(`${member.dir}: no turbo.json with its tag`);
  if (member.manifest.private !== true) checkShape(member);
  if (existsSync(join(root, member.dir, "tsconfig.json"))) checkReferences(member);
}
finish("manifests: dependencies, references and fields", problems);

function checkDependencies({ dir, manifest }: Member): void {
  const { dependencies = {}, devDependencies = {}, peerDependencies = {} } = manifest;
  const inSource = importedBy(sources(`${dir}/src`));
  const elsewhere = importedBy(sources(dir).filter((file) => !file.startsWith(`${dir}/src/`)));
  elsewhere.delete(manifest.name);
  for (const name of inSource) {
    if (!(name in dependencies || name in peerDependencies))
      problems.push(`${dir}: src imports ${name}, which is no dependency`);
  }
  for (const name of elsewhere) {
    if (!(name in dependencies || name in peerDependencies || name in devDependencies)) {
      problems.push(`${dir}: imports ${name}, which is no devDependency`);
    }
  }
  for (const name of Object.keys(dependencies)) {
    if (name.startsWith("@types/")) continue;
    if (!inSource.has(name) && !(manifest.private === true && elsewhere.has(name)))
      problems.push(`${dir}: depends on ${name}, which nothing imports`);
    if (!name.startsWith("@holdfast/") && !decisions.includes(`\`${name}\``)) {
      problems.push(`${dir}: no decision record gives the reason for \`${name}\``);
    }
  }
  for (const name of Object.keys(devDependencies)) {
    if (name in dependencies) problems.push(`${dir}: ${name} is in dependencies and devDependencies`);
    const used = elsewhere.has(name) || inSource.has(name) || name.startsWith("@types/") || name === "vitest";
    if (!used) problems.push(`${dir}: the devDependency ${name} is not imported`);
  }
  for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
    const wanted = name.startsWith("@holdfast/") ? "workspace:^" : "catalog:";
    if (range !== wanted) problems.push(`${dir}: ${name} is "${range}", not "${wanted}"`);
  }
}

function importedBy(files: readonly string[]): Set<string> {
  return new Set(
    files
      .flatMap(importsOf)
      .map(({ specifier }) => specifier)
      .filter(isForeign)
      .map(packageOf),
  );
}

function checkShape({ dir, manifest }: Member): void {
  const folder = basename(dir);
  // What `pnpm create` runs has no scope.
  const name = folder.startsWith("create-") ? folder : `@holdfast/${folder}`;
  const wanted: readonly (readonly [name: string, holds: boolean])[] = [
    [`the name ${name}`, manifest.name === name],
    [`a description`, (manifest.description ?? "") !== ""],
    [`"type": "module"`, manifest.type === "module"],
    [`"license": "MIT"`, manifest.license === "MIT"],
    [`"sideEffects": false`, manifest.sideEffects === false || manifest.bin !== undefined],
    [`"engines": { "node": ">=22.19.0" }`, manifest.engines?.["node"] === ">=22.19.0"],
    [
      `"files": ["dist", "src", "!dist/.tsbuildinfo"]`,
      ["dist", "src", "!dist/.tsbuildinfo"].every((entry) => manifest.files?.includes(entry)),
    ],
    [`repository.directory "${dir}"`, manifest.repository?.directory === dir],
    [
      `publishConfig with access and provenance`,
      manifest.publishConfig?.access === "public" && manifest.publishConfig.provenance === true,
    ],
    [`the export "./package.json"`, manifest.exports?.["./package.json"] === "./package.json"],
    [`a README.md`, existsSync(join(root, dir, "README.md"))],
  ];
  for (const [what, holds] of wanted) if (!holds) problems.push(`${dir}: lacks ${what}`);
}

function checkReferences({ dir, manifest }: Member): void {
  const tsconfig = readJson(join(dir, "tsconfig.json")) as {
    references?: readonly { path: string }[];
    compilerOptions?: object;
  };
  const inPackage = ["rootDir", "outDir", "tsBuildInfoFile"].filter(
    (option) => option in (tsconfig.compilerOptions ?? {}),
  );
  if (inPackage.length > 0)
    problems.push(`${dir}/tsconfig.json: ${inPackage.join(", ")} comes from tsconfig.base.json`);
  const actual = (tsconfig.references ?? []).map(({ path }) => path).toSorted();
  const wanted = Object.keys(manifest.dependencies ?? {})
    .flatMap((name) => all.find((other) => other.manifest.name === name) ?? [])
    .map((other) => relative(dir, other.dir))
    .toSorted();
  if (actual.join() !== wanted.join())
    problems.push(`${dir}/tsconfig.json: references ${actual.join() || "nothing"}, not ${wanted.join() || "nothing"}`);
}
