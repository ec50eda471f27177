/**
 * What the registry would get: packs every publishable package, lints the tarballs, installs them together outside the
 * workspace, then imports, requires and type-checks them there. No registry is asked for @holdfast/*.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finish } from "./problems.ts";
import { importsOf, type Member, packageOf, publishable, root } from "./workspace.ts";

const bin = join(root, "node_modules/.bin");
const nodes = {
  "22": "node_modules/node22/bin/node",
  "24": "node_modules/node24/bin/node",
  "26": "node_modules/node/bin/node",
};
const problems: string[] = [];
const work = mkdtempSync(join(tmpdir(), "holdfast-packages-"));
process.once("exit", () => rmSync(work, { recursive: true, force: true }));

const packed = publishable().map((member) => ({ member, tarball: pack(member) }));
const consumer = install();
if (problems.length === 0) {
  for (const { member } of packed) tryOut(member);
  typeCheck();
}
finish(
  `packages: ${packed.length} packed, linted, installed, imported on Node ${Object.keys(nodes).join(", ")}`,
  problems,
);

function pack({ dir, manifest }: Member): string {
  const tarball = join(work, `${manifest.name.replace("@", "").replace("/", "-")}.tgz`);
  run(`${manifest.name}: pnpm pack`, "pnpm", ["pack", "--out", tarball], join(root, dir));
  run(`${manifest.name}: publint`, join(bin, "publint"), ["run", tarball, "--strict"]);
  if (hasEntry(manifest.exports)) run(`${manifest.name}: attw`, join(bin, "attw"), [tarball, "--profile", "esm-only"]);
  const files = run(`${manifest.name}: tar`, "tar", ["-tzf", tarball]).split("\n");
  const own = files.filter((name) => !name.startsWith("package/template/"));
  for (const file of own.filter((name) => /tsbuildinfo|\.test\.|node_modules|\.(?:pem|key)$/.test(name))) {
    problems.push(`${manifest.name}: ${file} is in the tarball`);
  }
  return tarball;
}

/** A project that depends on all tarballs; they satisfy each other by overrides. */
function install(): string {
  const dir = join(work, "consumer");
  mkdirSync(dir);
  const tarballs = Object.fromEntries(packed.map(({ member, tarball }) => [member.manifest.name, `file:${tarball}`]));
  const overrides = Object.entries(tarballs).map(([name, at]) => `  "${name}": "${at}"\n`);
  const dependencies = { ...tarballs, "@types/node": installedVersion("@types/node") };
  writeFileSync(
    join(dir, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module", dependencies }),
  );
  writeFileSync(join(dir, "pnpm-workspace.yaml"), `overrides:\n${overrides.join("")}`);
  run("install the tarballs", "pnpm", ["install", "--prefer-offline", "--no-frozen-lockfile"], dir);
  return dir;
}

function installedVersion(name: string): string {
  return (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as { version: string })
    .version;
}

function tryOut(member: Member): void {
  const { name, bin: commands = {} } = member.manifest;
  for (const [version, node] of Object.entries(nodes)) {
    const runtime = join(root, node);
    for (const entry of entries(member)) {
      run(
        `${entry}: import on Node ${version}`,
        runtime,
        ["--input-type=module", "-e", `await import("${entry}")`],
        consumer,
      );
      run(
        `${entry}: require on Node ${version}`,
        runtime,
        ["--input-type=commonjs", "-e", `require("${entry}")`],
        consumer,
      );
    }
    for (const path of Object.values(commands)) {
      run(
        `${name}: ${path} --help on Node ${version}`,
        runtime,
        [join("node_modules", name, path), "--help"],
        consumer,
      );
    }
  }
}

/** What users may import of a package without installing one of its optional peers. */
function entries({ dir, manifest }: Member): readonly string[] {
  const optional = Object.keys(manifest.peerDependenciesMeta ?? {});
  return Object.entries(manifest.exports ?? {}).flatMap(([path, target]) => {
    if (typeof target === "string") return [];
    const needed = importsOf(join(dir, target["holdfast:source"]!)).map(({ specifier }) => packageOf(specifier));
    return needed.some((name) => optional.includes(name)) ? [] : [manifest.name + path.slice(1)];
  });
}

function hasEntry(exports: Member["manifest"]["exports"]): boolean {
  return Object.values(exports ?? {}).some((target) => typeof target !== "string");
}

/** The published declarations alone, checked to the bottom, as a user with `skipLibCheck: false` gets them. */
function typeCheck(): void {
  const names = packed.flatMap(({ member }) => entries(member));
  const lines = names.map((name, index) => `export * as m${index} from "${name}";\n`);
  writeFileSync(join(consumer, "consumer.ts"), lines.join(""));
  const options = [
    "--module",
    "nodenext",
    "--target",
    "es2024",
    "--lib",
    "es2024,esnext.disposable",
    "--types",
    "node",
    "--strict",
    "--noEmit",
  ];
  run("types of the tarballs", join(bin, "tsc"), [...options, "--exactOptionalPropertyTypes", "consumer.ts"], consumer);
}

/** The output of a command; what it said is a problem if it failed. */
function run(what: string, command: string, args: readonly string[], cwd: string = root): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 300_000 });
  if (status !== 0)
    problems.push(`${what}: ${error?.message ?? `exit status ${status}`}\n${stdout ?? ""}${stderr ?? ""}`);
  return stdout ?? "";
}
