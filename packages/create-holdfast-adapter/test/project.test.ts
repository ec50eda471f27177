import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namesOf } from "../src/names.ts";
import { type Files, projectOf, readFiles, writeFiles } from "../src/project.ts";

const template = readFiles(fileURLToPath(new URL("../template", import.meta.url)));
const names = namesOf("json-pipes", "@me/pipes");
const project = projectOf(template, names, "1.2.3");

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "create-holdfast-adapter-"));
});
afterAll(() => rm(directory, { recursive: true }));

describe("a project", () => {
  it("has nothing left of the template's own name", () => {
    for (const [path, text] of project) {
      expect(path).not.toMatch(/jsonl|^_/i);
      expect(text).not.toMatch(/jsonl/i);
    }
  });

  it("has the files of the template, under names of its own", () => {
    expect(project.size).toBe(template.size);
    expect([...project.keys()]).toEqual(
      expect.arrayContaining([".gitignore", "package.json", "tsconfig.json", "src/index.ts", "src/json-pipes.ts"]),
    );
  });

  it("names protocol, factory and types as the adapter is called", () => {
    expect(project.get("src/index.ts")).toBe(
      'export { jsonPipes } from "./json-pipes.ts";\nexport type { JsonPipesLimits, JsonPipesOptions } from "./options.ts";\n',
    );
    expect(project.get("src/pool.ts")).toContain('protocol: "json-pipes"');
    expect(project.get("src/json-pipes.ts")).toContain('vendor: "@me/pipes"');
  });

  it("has a manifest that tools can find the adapter by", () => {
    const manifest = JSON.parse(project.get("package.json") as string) as Record<string, unknown>;
    expect(manifest).toMatchObject({
      name: "@me/pipes",
      keywords: ["holdfast-adapter"],
      holdfast: { adapter: "jsonPipes", protocol: "json-pipes", contract: 1 },
      dependencies: { "@holdfast/dial": "^1.2.3", "@holdfast/pool": "^1.2.3", "@holdfast/transport": "^1.2.3" },
    });
  });

  it("gets the versions of tools that this repository itself is checked with", async () => {
    const workspace = await readFile(new URL("../../../pnpm-workspace.yaml", import.meta.url), "utf8");
    const { devDependencies } = JSON.parse(project.get("package.json") as string) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    for (const name of ["typescript", "@types/node"]) {
      const [, version = ""] = new RegExp(`^ {2}"?${name}"?: \\^?(.+)$`, "m").exec(workspace) ?? [];
      expect(devDependencies[name]).toBe(`^${version}`);
    }
  });

  it.each(["body", "exchange", "pool", "line-reader", "socket", "driver"])(
    "cannot be called %s, because its sources have that already",
    (name) => {
      expect(() => projectOf(template, namesOf(name), "1.2.3")).toThrow(`The name ${name} is taken`);
    },
  );
});

describe("writing", () => {
  const files: Files = new Map([
    ["a.txt", "a"],
    ["b/c.txt", "c"],
  ]);

  it("makes the folder and what is in it", async () => {
    const folder = join(directory, "deep/new");
    writeFiles(folder, files);
    expect(readFiles(folder)).toEqual(files);
  });

  it("takes a folder that is empty but for its repository", async () => {
    const folder = join(directory, "repository");
    await mkdir(join(folder, ".git"), { recursive: true });
    writeFiles(folder, files);
    expect(readFiles(folder)).toEqual(files);
  });

  it("leaves a folder alone that is not empty", async () => {
    const folder = join(directory, "full");
    await mkdir(folder);
    await writeFile(join(folder, "mine.txt"), "mine");
    expect(() => writeFiles(folder, files)).toThrow(`The folder ${folder} is not empty; it has mine.txt.`);
    expect(readFiles(folder)).toEqual(new Map([["mine.txt", "mine"]]));
  });

  it("says that a file is no folder, and what the system says of a path that cannot be", async () => {
    const file = join(directory, "file");
    await writeFile(file, "");
    expect(() => writeFiles(file, files)).toThrow(`${file} is a file, not a folder.`);
    expect(() => writeFiles(join(file, "below"), files)).toThrow("cannot be written (ENOTDIR).");
  });
});
