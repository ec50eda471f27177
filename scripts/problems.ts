/** Prints what a check found and ends the process with 1 if that is anything. */
export function finish(checked: string, problems: readonly string[]): void {
  for (const problem of problems) console.error(`✗ ${problem}`);
  console.log(problems.length === 0 ? `✓ ${checked}` : `${problems.length} problems: ${checked}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
