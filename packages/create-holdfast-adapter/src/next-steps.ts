import type { Names } from "./names.ts";

/** What to do next, for the package manager that runs us: `userAgent` is what it calls itself, `pnpm/12.0.0 npm/? ...`. */
export function nextSteps(folder: string, { packageName }: Names, userAgent: string = ""): string {
  const [manager = ""] = userAgent.split("/");
  const command = ["bun", "npm", "pnpm", "yarn"].includes(manager) ? manager : "npm";
  return `${packageName} is in ${folder}. Next:

  cd ${/\s/.test(folder) ? JSON.stringify(folder) : folder}
  ${command} install
  ${command} run test

Then change src/line.ts, src/connection.ts and src/exchange.ts: there your protocol begins.
`;
}
