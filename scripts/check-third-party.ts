/**
 * The way of a stranger, from the tarballs alone: an adapter is generated outside the workspace, installed, type-checked,
 * built, tried by the conformance kit and by `compare`, packed, installed by somebody else and used by its name.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { finish } from "./problems.ts";
import { type Member, members, root } from "./workspace.ts";

const execute = promisify(execFile);
const limitMs = 120_000;
const work = await mkdtemp(join(tmpdir(), "holdfast-third-party-"));
const adapter = join(work, "my-wire");
const user = join(work, "user");
const nodes = ["node22", "node24", "node"];
/** What that somebody runs. */
const program = `
import assert from "node:assert/strict";
import { catalog } from "@holdfast/transport";
import manifest from "holdfast-adapter-my-wire/package.json" with { type: "json" };
import { myWireOrigin } from "../my-wire/test/origin.ts";

const origin = await myWireOrigin({});
const transports = catalog({ wire: () => import("holdfast-adapter-my-wire") });
const transport = await transports.create("wire", { maxConnections: 2 });
const response = await transport.request({ url: origin.url + "/bytes/5" });
assert.equal((await response.body.bytes()).byteLength, 5);
assert.equal(response.connection.protocol, "my-wire");
assert.deepEqual(manifest.holdfast, { adapter: "myWire", protocol: transport.protocol, contract: transport["~holdfast"].version });
assert.equal(transport["~holdfast"].vendor, manifest.name);
await transport.close();
await origin.close();
`;

try {
  const tarballs = await pack([
    "create-holdfast-adapter",
    "@holdfast/compare",
    "@holdfast/conformance",
    "@holdfast/dial",
    "@holdfast/pool",
    "@holdfast/transport",
  ]);
  await generate(tarballs);
  await install(adapter, tarballs);
  await run("build it", adapter, "pnpm", "run", "build");
  await run("type-check it", adapter, "pnpm", "run", "types");
  const passed = await Promise.all(nodes.map(tryWithKit));
  const comparison = await run("compare", adapter, "pnpm", "run", "compare", "--requests", "200");
  if (!/^myWire .+$/m.test(comparison)) throw new Error(`compare has no row for myWire:\n${comparison}`);
  await use(tarballs);
  finish(
    `third party: an adapter generated, built, tried with ${passed[0]} tests on three Nodes, compared, used by name`,
    [],
  );
} catch (error) {
  finish("third party", [(error as Error).message]);
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Packs these packages and all of the workspace that they need. Package → tarball. */
async function pack(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const needed = new Map<string, Member>();
  const need = (name: string): void => {
    const member = members().find(({ manifest }) => manifest.name === name);
    if (member === undefined || needed.has(name)) return;
    needed.set(name, member);
    Object.keys(member.manifest.dependencies ?? {}).forEach(need);
  };
  names.forEach(need);
  const packing = [...needed].map(async ([name, { dir }]) => {
    const tarball = join(work, `${name.replace("@", "").replace("/", "-")}.tgz`);
    await run(`pack ${name}`, join(root, dir), "pnpm", "pack", "--out", tarball);
    return [name, tarball] as const;
  });
  return new Map(await Promise.all(packing));
}

/** As `pnpm create holdfast-adapter my-wire` does. */
async function generate(tarballs: ReadonlyMap<string, string>): Promise<void> {
  const create = join(work, "create");
  await mkdir(create);
  await run("unpack the generator", create, "tar", "-xzf", tarballs.get("create-holdfast-adapter") as string);
  await run("generate", work, process.execPath, "create/package/dist/main.js", "my-wire");
}

/** No registry is asked for packages of this workspace. */
async function install(dir: string, tarballs: ReadonlyMap<string, string>): Promise<void> {
  const overrides = [...tarballs].map(([name, tarball]) => `  "${name}": "file:${tarball}"\n`);
  await writeFile(join(dir, "pnpm-workspace.yaml"), `overrides:\n${overrides.join("")}`);
  await run(`install in ${dir}`, dir, "pnpm", "install", "--prefer-offline", "--no-frozen-lockfile");
}

/** What `pnpm test` does, on a Node of our choice. @returns how many tests passed */
async function tryWithKit(node: string): Promise<number> {
  const report = await run(
    `the kit on ${node}`,
    adapter,
    join(root, "node_modules", node, "bin/node"),
    "--test",
    "test/*.test.ts",
  );
  const passed = countOf(report, "pass");
  if (!(passed > 100 && countOf(report, "fail") === 0)) throw new Error(`the kit did not run on ${node}:\n${report}`);
  return passed;
}

/** Somebody else installs the adapter and chooses it by its name. */
async function use(tarballs: ReadonlyMap<string, string>): Promise<void> {
  const tarball = join(work, "adapter.tgz");
  await run("pack the adapter", adapter, "pnpm", "pack", "--out", tarball);
  await mkdir(user);
  const { devDependencies } = JSON.parse(await readFile(join(adapter, "package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const dependencies = {
    "holdfast-adapter-my-wire": `file:${tarball}`,
    "@holdfast/transport": "*",
    "@types/node": devDependencies["@types/node"],
  };
  await writeFile(
    join(user, "package.json"),
    JSON.stringify({ name: "user", private: true, type: "module", dependencies }),
  );
  await writeFile(join(user, "use.ts"), program);
  await install(user, tarballs);
  const options =
    "--module nodenext --target es2024 --lib es2024,esnext.disposable --types node --strict --noEmit --allowImportingTsExtensions";
  await run(
    "type-check its user",
    user,
    join(root, "node_modules/.bin/tsc"),
    ...options.split(" "),
    "--resolveJsonModule",
    "use.ts",
  );
  await run("use it by name", user, process.execPath, "use.ts");
}

/** The output of a command, which may not fail; what it starts runs on the Node that runs us. */
async function run(what: string, cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
  try {
    const env = { ...process.env, PATH: path, NO_COLOR: "1" };
    return (await execute(command, args, { cwd, timeout: limitMs, maxBuffer: 64 * 1_024 * 1_024, env })).stdout;
  } catch (error) {
    const { message, stdout = "", stderr = "" } = error as Error & Partial<Record<"stdout" | "stderr", string>>;
    throw new Error(`${what}: ${message}\n${stdout}${stderr}`, { cause: error });
  }
}

/** What node:test's report says at its end. */
function countOf(report: string, what: "pass" | "fail"): number {
  return Number(new RegExp(`^(?:ℹ|#) ${what} (\\d+)$`, "m").exec(report)?.[1] ?? Number.NaN);
}
