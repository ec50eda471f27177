/** Every `ts` block of every page is a module that type-checks against the sources. What is only a part of one is fenced otherwise. */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finish } from "./problems.ts";
import { members, readText, root } from "./workspace.ts";

interface Block {
  readonly page: string;
  /** Of the first line of code, from 1. */
  readonly line: number;
  readonly code: string;
}

const pages = globSync(
  ["*.md", "docs/**/*.md", "{packages,apps}/*/*.md", "packages/*/template/*.md", "examples/*.md"],
  { cwd: root },
);
const blocks = pages.filter((page) => !page.endsWith("CHANGELOG.md")).flatMap(blocksOf);
finish(`docs: ${blocks.length} blocks of code type-check`, blocks.length === 0 ? [] : problemsOf(blocks));

function blocksOf(page: string): readonly Block[] {
  const text = readText(page);
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split("\n").length + 1,
    code: match[1]!,
  }));
}

/** Compiles all blocks at once, outside the tree, and tells each problem by the place of its block. */
function problemsOf(all: readonly Block[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-docs-"));
  try {
    all.forEach(({ code }, index) => writeFileSync(join(folder, `${index}.ts`), `${code}\nexport {};\n`));
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(configuration()));
    const { status, stdout } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", folder], {
      cwd: folder,
      encoding: "utf8",
    });
    if (status === 0) return [];
    return stdout
      .trim()
      .replaceAll(/^(\d+)\.ts\((\d+),(\d+)\)/gm, (_, index: string, line: string, column: string) => {
        const block = all[Number(index)]!;
        return `${block.page}:${block.line + Number(line) - 1}:${column}`;
      })
      .split(/\n(?! )/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function configuration(): object {
  const types = join(root, "node_modules/@types");
  const paths = members().flatMap(({ dir, manifest }) =>
    Object.entries(manifest.exports ?? {}).flatMap(([path, target]) =>
      typeof target === "string"
        ? []
        : [[manifest.name + path.slice(1), [join(root, dir, target["holdfast:source"]!)]]],
    ),
  );
  // The adapter of the docs is the one that `create-holdfast-adapter` writes.
  const generated = join(root, "packages/create-holdfast-adapter/template/src/index.ts");
  return {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      rootDir: "/",
      noUnusedLocals: false,
      typeRoots: [types],
      paths: { ...(Object.fromEntries(paths) as object), "holdfast-adapter-jsonl": [generated] },
    },
    include: ["*.ts"],
  };
}
