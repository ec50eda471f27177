// Writes the files of vectors/ anew from vectors.json: node packages/exchange/test/make-vectors.ts
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { folder, messagesByFile } from "./vectors.ts";

for (const kind of ["messages", "violations", "conversations"]) {
  rmSync(new URL(kind, folder), { recursive: true, force: true });
  mkdirSync(new URL(kind, folder));
}
for (const [file, message] of messagesByFile()) writeFileSync(new URL(file, folder), message);
