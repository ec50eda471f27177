import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Adapter, AdapterError, loadAdapter } from "../src/adapters.ts";
import { runCompare } from "./run-compare.ts";

// Some tests start processes, and the machine may be slow.
vi.setConfig({ testTimeout: 60_000 });

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-adapters-"));
  await writeFile(join(directory, "package.json"), '{ "type": "module" }');
});
afterAll(() => rm(directory, { recursive: true }));

const mine = fileURLToPath(new URL("adapters/mine.ts", import.meta.url));

/** A transport in plain text, with these members in the place of those that work. */
function transport(members: string = "", capabilities: string = ""): string {
  return `(() => {
    const capabilities = { exchange: true, channel: false, multiplexed: false, ${capabilities} };
    return {
      "~holdfast": { version: 1, vendor: "somebody", protocol: "own", capabilities }, protocol: "own", capabilities,
      stats: () => ({ totals: { connectionsOpened: 0 } }), destroy: async () => {}, ${members}
    };
  })()`;
}

let files = 0;

/** Writes a module; returns its name, to go after `./`. */
async function moduleOf(code: string, name: string = `module-${++files}.js`): Promise<string> {
  await writeFile(join(directory, name), code);
  return name;
}

function load(module: string, titles: readonly string[] = []): Promise<Adapter> {
  return loadAdapter(module, { directory, limitMs: 100, titles: new Set(titles) });
}

describe("the module of an adapter", () => {
  it("makes an entry of its only function, titled as that", async () => {
    const { entry, module, vendor } = await load(mine);
    expect({ module, vendor }).toEqual({ module: mine, vendor: "holdfast-adapter-mine" });
    expect(entry).toMatchObject({ name: `adapter:${mine}`, title: "mine", protocol: "http/1.1", brought: true });
    const made = entry.create({ concurrency: 2, timeoutMs: 1_000, ca: undefined, insecure: false });
    expect(made.protocol).toBe("http/1.1");
    await made.destroy();
  });

  it("may export other things than functions, classes, and the same function once more by default", async () => {
    const code = `export const version = "1"; export class OwnError extends Error {}
      export const own = () => ${transport()}; export default own;`;
    expect((await load(`./${await moduleOf(code)}`)).entry.title).toBe("own");
  });

  it("is titled by its file if the only function is the default", async () => {
    const file = await moduleOf(`export default () => ${transport()};`, "holdfast-adapter-quick.js");
    expect((await load(`./${file}`)).entry.title).toBe("quick");
  });

  it("says with # which of several functions is the factory", async () => {
    const file = await moduleOf(`export const make = () => ${transport()}; export const other = () => 1;`);
    expect((await load(`./${file}#make`)).entry.title).toBe("make");
    await expect(load(`./${file}`)).rejects.toThrow(
      `--adapter ./${file} exports several functions (make, other); name its factory, as in ./${file}#make.`,
    );
    await expect(load(`./${file}#none`)).rejects.toThrow(`--adapter ./${file}#none: it exports no function "none".`);
  });

  it("has a title of its own that fits into the table", async () => {
    expect((await load(mine, ["mine", "mine (2)"])).entry.title).toBe("mine (3)");
    const file = await moduleOf(`export const aVeryLongNameForAnAdapter = () => ${transport()};`);
    const { title } = (await load(`./${file}`)).entry;
    expect(title).toBe("aVeryLongNameForAnA…");
    expect((await load(`./${file}`, [title])).entry.title).toBe("aVeryLongNameFor (2)");
  });

  it("is given the options that every network adapter understands", async () => {
    const code = `export const own = (options) => { globalThis.given = options; return ${transport()}; };`;
    const { entry } = await load(`./${await moduleOf(code)}`);
    entry.create({ concurrency: 2, timeoutMs: 50, ca: "PEM", insecure: true });
    expect((globalThis as { given?: unknown }).given).toEqual({
      maxConnections: 2,
      timeouts: { connectMs: 50, headMs: 50, bodyGapMs: 50 },
      tls: { ca: "PEM", rejectUnauthorized: false },
    });
  });
});

describe("a module that is no adapter is told in one sentence", () => {
  it.each([
    ["exports no function", "export const own = 1;", "exports no function; it has to export a factory"],
    ["fails as it loads", 'throw new Error("broken\\nby hand");', "could not be loaded: broken."],
    ["is no JavaScript", "export const = 1;", "could not be loaded: "],
    ["never finishes loading", "await new Promise(() => {});", "did not load within 100 ms (--timeout)."],
    ["has a factory that throws", 'export const own = () => { throw new Error("no") };', "failed: no."],
    [
      "has a factory of something else",
      "export const own = () => ({});",
      "returned something that is not a transport.",
    ],
    ["has a factory of a promise", 'export const own = async () => { throw new Error("no") };', "not a transport."],
    [
      "follows another contract",
      'export const own = () => ({ "~holdfast": { version: 2, vendor: "v" } });',
      "follows version 2 of the Holdfast contract",
    ],
    ["carries no exchanges", `export const own = () => ${transport("", "exchange: false")};`, "carries no exchanges"],
    [
      "makes a transport that never ends",
      `export const own = () => ${transport("destroy: () => new Promise(() => {})")};`,
      "did not end within 100 ms.",
    ],
    [
      "makes a transport that cannot end",
      `export const own = () => ${transport('destroy: async () => { throw new Error("stuck") }')};`,
      "failed: stuck.",
    ],
  ])("one that %s", async (_, code, text) => {
    const failure = await load(`./${await moduleOf(code)}`).catch((error: unknown) => error as Error);
    expect(failure).toBeInstanceOf(AdapterError);
    expect((failure as Error).message).toContain(text);
    expect((failure as Error).message).toMatch(/^[^\n]*--adapter \.\/module-\d+\.js[^\n]*\.$/);
  });

  it("one that is not there", async () => {
    await expect(load("./missing.js")).rejects.toThrow("--adapter ./missing.js: there is no such file.");
    await expect(load("holdfast-adapter-missing")).rejects.toThrow(
      "--adapter holdfast-adapter-missing could not be loaded: Cannot find module 'holdfast-adapter-missing'.",
    );
  });
});

describe("compare with --adapter", () => {
  it("holds the adapter against the others", async () => {
    const { code, stdout } = await runCompare("--requests", "20", "--adapter", mine);
    expect(stdout).toContain(`\nmine: ${mine}, http/1.1, by holdfast-adapter-mine\n`);
    expect(stdout.match(/^mine  .*$/gm)).toHaveLength(2);
    expect(stdout.match(/Answers: all 100 are equal byte for byte/g)).toHaveLength(2);
    expect(code).toBe(0);
  });

  it("prints the sentence about a bad module alone, and exits with 1", async () => {
    const file = join(directory, await moduleOf("export const own = 1;"));
    const { code, stdout, stderr } = await runCompare("--adapter", file);
    expect(stderr).toBe(
      `--adapter ${file} exports no function; it has to export a factory that returns a transport.\n`,
    );
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("goes on without one that never answers, says so, and exits with 1", async () => {
    const file = join(
      directory,
      await moduleOf(`export const own = () => ${transport("request: () => new Promise(() => {})")};`),
    );
    const { code, stdout } = await runCompare("--requests", "20", "--timeout", "300", "--adapter", file);
    expect(
      stdout.match(/^own is left out\. .* it did not end within 900 ms \(three times --timeout\)\.$/gm),
    ).toHaveLength(2);
    expect(stdout.match(/Answers: all 80 are equal byte for byte/g)).toHaveLength(2);
    expect(code).toBe(1);
  });

  it.each([
    [
      "whose factory works only so often",
      "if (count > 2) throw new Error('two are enough');",
      /^own is left out\. own\(\) of --adapter .* failed: two are enough\.$/m,
    ],
    [
      "that tells no statistics and throws as it ends",
      "transport.stats = transport.destroy = () => { throw new Error('no') };",
      /^own  .*$/m,
    ],
  ])("goes on with one %s", async (_, breaks, said) => {
    const code = `import { mine } from ${JSON.stringify(pathToFileURL(mine).href)}; let made = 0;
      export const own = (options) => {
        const [count, transport] = [++made, { ...mine(options) }];
        if (count > 1) { ${breaks} }
        return transport;
      };`;
    const file = join(directory, await moduleOf(code));
    const { code: exit, stdout } = await runCompare("--requests", "20", "--adapter", file);
    expect(stdout).toMatch(said);
    expect(stdout).toContain("Answers: all ");
    expect(exit).toBeLessThanOrEqual(1);
  });

  it("ends although one has left something open, and says what", async () => {
    const code = `setInterval(() => {}, 1e6); export const own = () => ${transport('request: async () => { throw new Error("no") }')};`;
    const { code: exit, stderr } = await runCompare(
      "--requests",
      "20",
      "--adapter",
      join(directory, await moduleOf(code)),
    );
    expect(stderr).toMatch(/\nAn adapter has left something open \(Timeout\); the process was ended all the same\.\n$/);
    expect(exit).toBe(1);
  });
});
